"""What is told while a run goes on: lines, a bar, a cell."""

from __future__ import annotations

import io
import re
import sys
import types
from dataclasses import replace
from typing import Any

import pytest

from trimaran.cli import progress
from trimaran.cli.progress import Bar, Cell, Lines, watch
from trimaran.steps.estimate import Plan
from trimaran.training.events import Epoch, Evaluated, Health, Notice, Started, Step, Stopped
from trimaran.training.health import Diagnosis, LayerHealth, diagnose

PLAN = Plan("runs/x", "mnist", {"train": 48000, "test": 10000}, "images", "mnist-cnn", 225034,
            75.0, 1_200_000_000, "cpu", "bfloat16", 2)  # fmt: skip
STORY = (
    PLAN,
    Started(0, 100, 2, 6400, 10, {}),
    Notice("Look out."),
    Step(50, 1, 0.5, 3200, 1234.5, 1e-3),
    Evaluated("validation", 50, {"loss": 0.4}),
    Epoch(1, 50, 0.5, {"loss": 0.5, "val_accuracy": 0.98765}, 1e-3, 12.0, 4000.0, ("It is deep.",)),
    Step(100, 2, 0.25, 6400, 1234.5, 1e-3),
    Epoch(2, 100, 0.25, {"loss": 0.25}, 1e-3, 12.0, 4000.0),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_gpus_time_is_not_foretold() -> None:
    told = progress.plan_text(replace(PLAN, seconds=None, device="cuda"))
    assert "\nabout 1.2 GB of memory (cuda, bfloat16, 2 threads)" in told


def test_plain_lines_hold_the_plan_each_epoch_and_every_notice() -> None:
    out = io.StringIO()
    told = Lines(out)
    for event in (*STORY, Stopped("finished", 100, 100)):
        told(event)
    assert out.getvalue().splitlines() == [
        "mnist (48,000 train, 10,000 test) → mnist-cnn, 225,034 parameters, in runs/x",
        "about 1 min 15 s of training and 1.2 GB of memory (cpu, bfloat16, 2 threads)",
        "Look out.",
        "epoch 1/2  loss 0.5  val_accuracy 98.77 %  4,000 images/s  12 s",
        "  It is deep.",
        "epoch 2/2  loss 0.25  4,000 images/s  12 s",
        "in 1 of 2 epochs: It is deep.",
    ]


def saturated(layer: str, part: float) -> tuple[Diagnosis, ...]:
    return diagnose([LayerHealth(layer, 1.0, 10, 1e-3, saturated=part)])


def test_a_warning_is_said_once_and_counted_at_the_end() -> None:
    """Figures change from epoch to epoch and within one, but it is the same warning."""
    out = io.StringIO()
    told = Lines(out)
    told(Started(0, 400, 4, 6400, 10, {}))
    for epoch, part in enumerate((0.51, 0.62, 0.73), 1):
        looks = (saturated("conv1", part), saturated("conv1", part + 0.05))
        looks += (saturated("conv2", 0.9),) if epoch == 2 else ()
        for found in looks:
            told(Health(epoch, (), found))
        said = tuple(str(one) for found in looks for one in found)
        told(Epoch(epoch, epoch, 0.5, {"loss": 0.5}, 1e-3, 12.0, 4000.0, said))
    told(Stopped("early stopping", 300, 100))
    lines = out.getvalue().splitlines()
    remedy = "Scale the inputs, use smaller initial weights, or relu instead."
    assert lines[1] == f"  56% of the activations after conv1 are saturated. {remedy}"
    assert lines[3] == f"  90% of the activations after conv2 are saturated. {remedy}"
    assert [line[:9] for line in (lines[0], lines[2], lines[4])] == [
        f"epoch {i}/4" for i in (1, 2, 3)
    ]
    assert lines[5:] == [
        f"in 3 of 3 epochs: 78% of the activations after conv1 are saturated. {remedy}",
        f"in 1 of 3 epochs: 90% of the activations after conv2 are saturated. {remedy}",
        "stopped: early stopping.",
    ]


def test_after_one_epoch_nothing_is_counted() -> None:
    out = io.StringIO()
    told = Lines(out)
    for event in (*STORY[:6], Stopped("finished", 50, 50)):
        told(event)
    assert out.getvalue().count("It is deep.") == 1


def test_a_long_epoch_gives_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    told = Lines(out)
    told(STORY[1])
    monkeypatch.setattr(progress, "EVERY", -1.0)
    told(Step(50, 1, 0.5, 3200, 1234.5, 1e-3))
    assert re.fullmatch(r"epoch 1/2  loss 0\.5  1,234 rows/s  .* left\n", out.getvalue())


def test_an_interrupted_run_says_how_to_go_on() -> None:
    out = io.StringIO()
    Lines(out)(Stopped("interrupted", 5, 5, "Go on with: trimaran train --resume runs/x"))
    assert out.getvalue() == "stopped: interrupted. Go on with: trimaran train --resume runs/x\n"


def test_a_terminal_gets_a_bar_that_leaves_the_lines() -> None:
    out = Terminal()
    told = watch(out)
    assert isinstance(told, Bar)
    for event in STORY:
        told(event)
    told.close()
    text = out.getvalue()
    for line in ("1,234 images/s", "epoch 1/2", "Look out.", "98.77 %", " left"):
        assert line in text
    assert told.progress is None


def test_time_left_follows_the_updates_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    pace = progress.Pace()
    pace.see(Started(20, 100, 2, 6400, 10, {}))
    clock[0] = 8.0
    assert pace.left(60) == pytest.approx(8.0 / 40 * 40)


def test_a_notebook_gets_one_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []

    class Handle:
        def update(self, page: Any) -> None:
            shown.append(page)

    module = types.ModuleType("IPython.display")
    module.HTML = str  # type: ignore[attr-defined]
    module.display = lambda page, display_id: shown.append(page) or Handle()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    told = watch()
    assert isinstance(told, Cell)
    for event in STORY:
        told(event)
    assert len(shown) == len(STORY) and "<progress" in shown[3]
    assert "98.77 %" in shown[-1] and "Look out." in shown[-1]
    told(Stopped("finished", 100, 100))
    assert "<progress" not in shown[-1]
