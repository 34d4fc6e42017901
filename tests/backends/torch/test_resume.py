"""Exact resume: killed anywhere, a run ends with the bytes of one that was never disturbed."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from torch import nn

from trimaran.backends.torch.loop import fit
from trimaran.backends.torch.optimizers import Update
from trimaran.data.batches import Rows
from trimaran.errors import RunError
from trimaran.tasks.loss import Loss, Objective
from trimaran.training import checkpoint, resume, saving
from trimaran.training.checkpoint import Place
from trimaran.training.events import Epoch, EventLog, Notice, Saved, Started, Stopped, read
from trimaran.training.execution import Execution
from trimaran.training.settings import Training

OBJECTIVE = Objective({"output": Loss("sparse_categorical_crossentropy")})
SETTINGS: dict[str, Any] = {
    "epochs": 4,
    "batch_size": 8,
    "accumulate": 2,
    "ema": 0.9,
    "augment": {"flip": True, "crop": 1, "brightness": 0.1},
    "schedule": {"name": "cosine", "warm_up": 3},
    "early_stopping": {"patience": 3},
    "checkpoint_seconds": 0,
    "keep": 100,
}
Net = Callable[..., nn.Module]
Splits = dict[str, Rows]


@pytest.fixture(autouse=True)
def _every_update(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "_SAVING", math.inf)  # a checkpoint is never too dear


def events_of(network: nn.Module, splits: Splits, place: Place | None, **changes: Any) -> Any:
    training = Training.from_json({**SETTINGS, **changes})
    return fit(network, OBJECTIVE, splits, training, Execution(threads=1), place)


def content(network: nn.Module) -> bytes:
    return save({k: v.contiguous() for k, v in network.state_dict().items()})


def undisturbed(make: Net, splits: Splits, **changes: Any) -> bytes:
    network = make()
    list(events_of(network, splits, None, **changes))
    return content(network)


def interrupted(make: Net, splits: Splits, folder: Path, step: int, **changes: Any) -> bytes:
    """A run cut off after the checkpoint of `step`, then resumed by another network object."""
    for event in events_of(make(), splits, Place(folder), **changes):
        if isinstance(event, Saved) and event.step == step:
            break
    network = make(seed=5)
    list(events_of(network, splits, Place(folder, resume=True), **changes))
    return content(network)


# 70 rows in batches of 8, two an update, make 5 updates an epoch.
@pytest.mark.parametrize("step", [1, 4, 5, 7, 13, 19, 20])
def test_a_run_resumed_after_any_update_ends_the_same(
    convolutional: Net, splits: Splits, tmp_path: Path, step: int
) -> None:
    assert interrupted(convolutional, splits, tmp_path, step) == undisturbed(convolutional, splits)


@pytest.mark.parametrize(
    "optimizer",
    [{"name": "sgd", "momentum": 0.9}, "adamw", {"name": "rmsprop", "centered": True}, "adagrad"],
)
def test_every_optimizer_resumes(
    convolutional: Net, splits: Splits, tmp_path: Path, optimizer: Any
) -> None:
    given = {"optimizer": optimizer, "epochs": 2}
    whole = undisturbed(convolutional, splits, **given)
    assert interrupted(convolutional, splits, tmp_path, 7, **given) == whole


def _lose_position(found: Any, engine: Any, tally: Any) -> resume.Position:
    position = _honest(found, engine, tally)
    position.batch = 0
    return position


def _lose_step(found: Any, engine: Any, tally: Any) -> resume.Position:
    position = _honest(found, engine, tally)
    engine.held.update.count = 0
    return position


def _lose_averages(found: Any, engine: Any, tally: Any) -> resume.Position:
    fresh = {k: v.clone() for k, v in engine.held.averages.tensors.items()}
    position = _honest(found, engine, tally)
    for key, tensor in engine.held.averages.tensors.items():
        tensor.copy_(fresh[key])
    return position


def _lose_strides(found: Any, engine: Any, tally: Any) -> resume.Position:
    position = _honest(found, engine, tally)
    for tensors in engine.held.update.slots.values():
        tensors[:] = [t.clone(memory_format=torch.contiguous_format) for t in tensors]
    return position


def _lose_statistics(found: Any, engine: Any, tally: Any) -> resume.Position:
    position = _honest(found, engine, tally)
    engine.held.network.norm.running_mean.zero_()
    return position


_honest = resume.restore
FAULTS = [_lose_position, _lose_step, _lose_averages, _lose_strides, _lose_statistics]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.__name__)
def test_a_planted_loss_of_state_changes_the_result(
    convolutional: Net,
    splits: Splits,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[..., resume.Position],
) -> None:
    monkeypatch.setattr(saving, "restore", fault)
    monkeypatch.setattr(Update, "check_layout", lambda self: None)
    assert interrupted(convolutional, splits, tmp_path, 7) != undisturbed(convolutional, splits)


def test_lost_seeds_of_dropout_change_the_result(
    convolutional: Net, splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trimaran.training import loop

    whole = undisturbed(convolutional, splits)
    monkeypatch.setattr(loop, "batch_seed", lambda run, batch: 0)
    assert undisturbed(convolutional, splits) != whole


def test_metrics_of_a_resumed_epoch_count_all_its_rows(
    convolutional: Net, splits: Splits, tmp_path: Path
) -> None:
    whole = [e for e in events_of(convolutional(), splits, None) if isinstance(e, Epoch)]
    for event in events_of(convolutional(), splits, Place(tmp_path)):
        if isinstance(event, Saved) and event.step == 3:
            break
    rest = events_of(convolutional(), splits, Place(tmp_path, resume=True))
    again = [e for e in rest if isinstance(e, Epoch)]
    assert [e.metrics for e in again] == [e.metrics for e in whole]


def test_the_event_file_has_every_event_once(
    convolutional: Net, splits: Splits, tmp_path: Path
) -> None:
    path, folder = tmp_path / "events.jsonl", tmp_path / "checkpoints"
    for resumes in (False, True, True):
        place = Place(folder, path, resume=resumes)
        with EventLog(path) as log:
            for event in events_of(
                convolutional(), splits, place, checkpoint_seconds=None, checkpoint_epochs=1
            ):
                log.append(event)
                if isinstance(event, Epoch) and event.epoch == (3 if resumes else 2):
                    break
    place = Place(folder, path, resume=True)
    with EventLog(path) as log:
        for event in events_of(convolutional(), splits, place):
            log.append(event)
    epochs = [event.epoch for event in read(path) if isinstance(event, Epoch)]
    assert epochs == [1, 2, 3, 4]


def test_a_damaged_newest_checkpoint_gives_way_with_a_notice(
    convolutional: Net, splits: Splits, tmp_path: Path
) -> None:
    for event in events_of(convolutional(), splits, Place(tmp_path)):
        if isinstance(event, Saved) and event.step == 9:
            break
    newest = checkpoint.steps(tmp_path)[-1] / "optimizer.safetensors"
    damaged = bytearray(newest.read_bytes())
    damaged[len(damaged) // 2] ^= 4
    newest.write_bytes(damaged)
    network = convolutional(seed=3)
    events = list(events_of(network, splits, Place(tmp_path, resume=True)))
    assert isinstance(events[0], Started) and events[0].step == 8
    assert isinstance(events[1], Notice) and "step-000000009 is damaged" in events[1].text
    assert content(network) == undisturbed(convolutional, splits)


def test_a_finished_run_resumes_to_the_same_weights_at_once(
    convolutional: Net, splits: Splits, tmp_path: Path
) -> None:
    first, again = convolutional(), convolutional(seed=9)
    list(events_of(first, splits, Place(tmp_path)))
    events = list(events_of(again, splits, Place(tmp_path, resume=True)))
    assert [type(e) for e in events] == [Started, Stopped]
    assert content(first) == content(again)


def test_a_run_killed_before_its_first_checkpoint_starts_again(
    convolutional: Net, splits: Splits, tmp_path: Path
) -> None:
    network = convolutional()
    events = list(events_of(network, splits, Place(tmp_path / "none", resume=True)))
    assert isinstance(events[1], Notice) and "starts again" in events[1].text
    assert content(network) == undisturbed(convolutional, splits)


@pytest.mark.parametrize(
    ("changes", "hint"),
    [({"seed": 1}, "training.seed"), ({"batch_size": 4}, "training.batch_size")],
)
def test_other_settings_are_refused_unless_inexact(
    convolutional: Net, splits: Splits, tmp_path: Path, changes: dict[str, Any], hint: str
) -> None:
    for event in events_of(convolutional(), splits, Place(tmp_path)):
        if isinstance(event, Saved) and event.step == 5:
            break
    with pytest.raises(RunError, match=hint):
        list(events_of(convolutional(), splits, Place(tmp_path, resume=True), **changes))
    place = Place(tmp_path, resume=True, inexact=True)
    assert isinstance(next(events_of(convolutional(), splits, place, **changes)), Started)
    free = {"keep": 1, "time_limit": "1h"}
    place = Place(tmp_path, resume=True)
    assert isinstance(next(events_of(convolutional(), splits, place, **free)), Started)


def test_other_data_another_model_and_another_version_are_refused(
    plain: Net, convolutional: Net, rows: Callable[..., Rows], splits: Splits, tmp_path: Path
) -> None:
    place = Place(tmp_path, identity={"data": "abc"})
    list(events_of(convolutional(), splits, place))
    for changed, given, hint in (
        (Place(tmp_path, identity={"data": "xyz"}, resume=True), splits, "data"),
        (
            Place(tmp_path, identity={"data": "abc"}, resume=True),
            {**splits, "train": rows(70, 0, 5)},
            "training rows",
        ),
    ):
        with pytest.raises(RunError, match=hint):
            list(events_of(convolutional(), given, changed))
    with pytest.raises(RunError, match="another network"):
        list(events_of(plain(), splits, Place(tmp_path, identity={"data": "abc"}, resume=True)))


def test_the_execution_of_the_start_is_used_again(
    convolutional: Net, splits: Splits, tmp_path: Path
) -> None:
    training = Training.from_json({**SETTINGS, "epochs": 1})
    stored = Execution(precision="bfloat16", threads=1)
    list(fit(convolutional(), OBJECTIVE, splits, training, stored, Place(tmp_path)))
    place = Place(tmp_path, resume=True)
    other = Execution(precision="float32", threads=1)
    started = next(fit(convolutional(), OBJECTIVE, splits, training, other, place))
    assert isinstance(started, Started) and started.execution["precision"] == "bfloat16"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed runs are forked processes")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_ten_kills_leave_no_trace(tmp_path: Path, precision: str) -> None:
    script = Path(__file__).with_name("killed_run.py")
    made = subprocess.run(
        [sys.executable, str(script), str(tmp_path), precision],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"},
        check=False,
    )
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout.splitlines()[-1])
    assert told["kills"] == 10 and told["equal"], told
    assert len(set(told["resumed"])) >= 4, told
    whole, killed = ((tmp_path / n / "model.safetensors").read_bytes() for n in ("whole", "killed"))
    assert whole == killed and len(whole) > 1000
