import json
import math
from pathlib import Path

import pytest

from trimaran.errors import RunError
from trimaran.training import events
from trimaran.training.health import Diagnosis, LayerHealth

ALL = [
    events.Started(0, 10, 2, 100, 1000, {"device": "cpu"}),
    events.Step(3, 1, 0.5, 384, 1000.0, 1e-3),
    events.Health(
        1, (LayerHealth("a", 0.1, 10, 0.01, 0.5, None),), (Diagnosis("a", "dead", "t", "r"),)
    ),
    events.Evaluated("validation", 3, {"loss": 0.5}),
    events.Epoch(1, 3, 0.5, {"loss": 0.5}, 1e-3, 1.5, 100.0, ("text",)),
    events.Saved("checkpoints/step-3", 3),
    events.Stopped("finished", 3, 3),
    events.Notice("a sentence"),
]


def test_every_kind_of_event_is_here() -> None:
    assert {type(event).__name__ for event in ALL} == set(events.EVENTS)


@pytest.mark.parametrize("event", ALL, ids=lambda e: type(e).__name__)
def test_json_round_trip(event: events.Event) -> None:
    value = json.loads(json.dumps(events.to_json(event)))
    assert value["kind"] == type(event).__name__
    assert events.from_json(value) == event


@pytest.mark.parametrize("value", [{"kind": "Nothing"}, {}, {"kind": "Saved", "where": 3}])
def test_foreign_events_are_refused(value: dict[str, object]) -> None:
    with pytest.raises(RunError, match="events.jsonl"):
        events.from_json(value)


def test_the_log_is_one_object_a_line_and_knows_no_nan(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with events.EventLog(path) as log:
        for event in ALL:
            log.append(event)
        log.append(events.Evaluated("validation", 4, {"loss": math.nan}))
    lines = path.read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines[:-1]] == [type(e).__name__ for e in ALL]
    assert json.loads(lines[-1])["metrics"] == {"loss": None}
    assert events.read(path)[: len(ALL)] == ALL


def test_a_resumed_log_is_cut_back_first(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with events.EventLog(path) as log:
        log.append(ALL[0])
        offset = path.stat().st_size
        log.append(ALL[1])
    with events.EventLog(path, offset) as log:
        log.append(ALL[-1])
    assert events.read(path) == [ALL[0], ALL[-1]]


def test_a_cut_last_line_is_left_out_and_a_bad_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    good = json.dumps(events.to_json(ALL[0]))
    path.write_text(f"{good}\n{good[:20]}")
    assert events.read(path) == [ALL[0]]
    path.write_text(f"{good}\nnonsense\n{good}\n")
    with pytest.raises(RunError, match="Line 2"):
        events.read(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is a device of Linux")
def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "my run" / "events.jsonl"
    path.parent.mkdir()
    path.symlink_to("/dev/full")
    with (
        pytest.raises(RunError, match=r"No space left.*--resume '.*/my run'"),
        events.EventLog(path) as log,
    ):
        log.append(ALL[0])
