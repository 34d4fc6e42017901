"""What the loop does, against a loop of a few plain lines and against planted trouble."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from trimaran.backends.torch.loop import fit
from trimaran.data.batches import Rows
from trimaran.data.order import epoch_order
from trimaran.errors import RunError, TrainingError
from trimaran.tasks.loss import Loss, Objective
from trimaran.training import checkpoint, saving
from trimaran.training import loop as room
from trimaran.training.checkpoint import Place
from trimaran.training.events import (
    Epoch,
    Evaluated,
    Event,
    Health,
    Saved,
    Started,
    Step,
    Stopped,
)
from trimaran.training.execution import Execution
from trimaran.training.settings import Training

OBJECTIVE = Objective({"output": Loss("sparse_categorical_crossentropy")})
PLAIN = Execution(threads=1)
Net = Callable[..., nn.Module]
Splits = dict[str, Rows]


def run(network: nn.Module, splits: Splits, place: Place | None = None, **settings: Any) -> Any:
    training = Training.from_json({"epochs": 2, "batch_size": 16, **settings})
    return fit(network, OBJECTIVE, splits, training, PLAIN, place)


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events if not isinstance(event, Step | Health)]


def by_hand(network: Any, splits: Splits, size: int, accumulate: int = 1) -> list[float]:
    """The same training in plain PyTorch: one batch of `size * accumulate` rows per update."""
    train = splits["train"]
    optimizer = torch.optim.Adam(network.parameters(), eps=1e-7)
    losses = []
    for epoch in range(2):
        order = np.concatenate(epoch_order(0, epoch, len(train), size))
        for start in range(0, len(order), size * accumulate):
            index = order[start : start + size * accumulate]
            taken = train.take(index)
            x = torch.tensor(taken.floats()).permute(0, 3, 1, 2)
            y = torch.tensor(taken.targets["output"])
            rows = F.cross_entropy(network.logits(x), y, reduction="none")
            w = torch.ones(len(y)) if taken.weights is None else torch.tensor(taken.weights)
            loss = (rows * w).sum() / w.sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


def largest_gap(a: nn.Module, b: nn.Module) -> float:
    pairs = zip(a.parameters(), b.parameters(), strict=True)
    return float(np.max([(p - q).abs().max().item() for p, q in pairs]))


@pytest.mark.parametrize("accumulate", [1, 2, 3])
@pytest.mark.parametrize("which", ["splits", "weighted"])
def test_training_is_that_of_a_plain_loop(
    plain: Net, request: pytest.FixtureRequest, which: str, accumulate: int
) -> None:
    splits: Splits = request.getfixturevalue(which)
    ours, theirs = plain(), plain()
    list(run(ours, splits, accumulate=accumulate))
    by_hand(theirs, splits, 16, accumulate)
    assert largest_gap(ours, theirs) < 1e-5
    assert largest_gap(ours, plain()) > 1e-3


def test_events_tell_the_story_and_the_figures_are_right(plain: Net, splits: Splits) -> None:
    network = plain()
    events = list(run(network, splits))
    assert kinds(events) == ["Started", *["Evaluated", "Epoch"] * 2, "Stopped"]
    assert isinstance(events[0], Started) and events[0].steps == 10
    assert events[-1] == Stopped("finished", 10, 10)
    (last,) = (e for e in events if isinstance(e, Epoch) and e.epoch == 2)
    validation = splits["validation"]
    with torch.no_grad():
        scores = network.logits(torch.tensor(validation.floats()).permute(0, 3, 1, 2))  # type: ignore[operator]
    y = torch.tensor(validation.targets["output"])
    assert last.metrics["val_loss"] == pytest.approx(float(F.cross_entropy(scores, y)), rel=1e-5)
    assert last.metrics["val_accuracy"] == float((scores.argmax(1) == y).double().mean())
    losses = by_hand(plain(), splits, 16)
    expected = np.average(losses[5:], weights=[16, 16, 16, 16, 6])
    assert last.loss == pytest.approx(expected, rel=1e-5)
    assert last.learning_rate == 1e-3 and last.step == 10


def test_it_learns(convolutional: Net, splits: Splits) -> None:
    events = list(
        run(convolutional(), splits, epochs=25, optimizer={"name": "adam", "learning_rate": 0.01})
    )
    (last,) = (e for e in events if isinstance(e, Epoch) and e.epoch == 25)
    assert last.metrics["val_accuracy"] > 0.9


def test_the_schedule_sets_the_rate_of_each_epoch(plain: Net, splits: Splits) -> None:
    events = run(plain(), splits, epochs=3, schedule={"name": "step", "epochs": 1, "gamma": 0.5})
    rates = [e.learning_rate for e in events if isinstance(e, Epoch)]
    assert rates == pytest.approx([1e-3, 5e-4, 2.5e-4])


def test_a_plateau_cuts_the_rate(plain: Net, splits: Splits) -> None:
    rule = {"name": "plateau", "patience": 1, "min_delta": 1e9, "gamma": 0.5}
    events = run(plain(), splits, epochs=3, schedule=rule)
    rates = [e.learning_rate for e in events if isinstance(e, Epoch)]
    assert rates == pytest.approx([1e-3, 1e-3, 5e-4])


def test_early_stopping_restores_the_best(plain: Net, splits: Splits) -> None:
    network = plain()
    # Labels without a rule: the network learns them by heart, and validation gets worse.
    noise = np.random.default_rng(77).integers(0, 3, 70)
    splits = {**splits, "train": replace(splits["train"], targets={"output": noise})}
    settings = {
        "epochs": 40,
        "optimizer": {"name": "adam", "learning_rate": 0.05},
        "early_stopping": {"monitor": "val_loss", "patience": 2},
    }
    events = list(run(network, splits, **settings))
    scores = [e.metrics["val_loss"] for e in events if isinstance(e, Epoch)]
    stopped = events[-1]
    assert isinstance(stopped, Stopped) and stopped.reason == "early stopping"
    assert len(scores) < 40 and stopped.best_step == (int(np.argmin(scores)) + 1) * 5
    validation = splits["validation"]
    with torch.no_grad():
        found = network.logits(torch.tensor(validation.floats()).permute(0, 3, 1, 2))  # type: ignore[operator]
    loss = F.cross_entropy(found, torch.tensor(validation.targets["output"]))
    assert float(loss) == pytest.approx(min(scores), rel=1e-5)


def test_a_wrong_monitor_is_named_before_training(plain: Net, splits: Splits) -> None:
    events = run(plain(), splits, early_stopping={"monitor": "val_acc"})
    with pytest.raises(TrainingError, match="'val_acc'.*did you mean 'val_accuracy'"):
        next(events)
    only = {"train": splits["train"]}
    with pytest.raises(TrainingError, match="'val_loss'"):
        next(run(plain(), only, early_stopping={}))


def test_the_average_of_the_weights_is_evaluated_and_kept(plain: Net, splits: Splits) -> None:
    network, live = plain(), plain()
    events = list(run(network, splits, ema=0.9))
    list(run(live, splits))
    assert 1e-4 < largest_gap(network, live) < 0.1
    (last,) = (e for e in events if isinstance(e, Epoch) and e.epoch == 2)
    again = next(
        e
        for e in run(network, splits, optimizer={"name": "sgd", "learning_rate": 0.0}, epochs=1)
        if isinstance(e, Evaluated)
    )
    assert again.metrics["loss"] == pytest.approx(last.metrics["val_loss"], rel=1e-6)


def test_frozen_weights_stay(convolutional: Net, splits: Splits) -> None:
    network, before = convolutional(), convolutional()
    list(run(network, splits, freeze=["conv", "norm"]))
    kept = before.state_dict()
    same = {k: torch.equal(v, kept[k]) for k, v in network.state_dict().items()}
    assert all(same[k] for k in same if k.startswith(("conv", "norm")))
    assert not same["out.weight"] and not same["deep.weight"]


def test_clipping_limits_the_update(plain: Net, splits: Splits) -> None:
    network, before = plain(), plain()
    list(run(network, splits, optimizer={"name": "sgd", "learning_rate": 1.0}, clip_norm=1e-4))
    assert largest_gap(network, before) <= 10 * 1e-4


def test_bfloat16_trains_and_scores_in_float32(convolutional: Net, splits: Splits) -> None:
    training = Training(epochs=2, batch_size=16)
    one, two = convolutional(), convolutional()
    bf16 = Execution(precision="bfloat16", threads=1)
    list(fit(one, OBJECTIVE, splits, training, bf16))
    list(fit(two, OBJECTIVE, splits, training, PLAIN))
    assert 0 < largest_gap(one, two) < 0.05
    assert all(p.dtype == torch.float32 for p in one.parameters())
    frozen = Training(epochs=1, optimizer={"name": "sgd", "learning_rate": 0.0})  # type: ignore[arg-type]
    a, b = (
        next(
            e
            for e in fit(plain_copy(one), OBJECTIVE, splits, frozen, execution)
            if isinstance(e, Evaluated)
        ).metrics["loss"]
        for execution in (bf16, PLAIN)
    )
    assert abs(a - b) < 1e-2


def plain_copy(network: nn.Module) -> nn.Module:
    made = type(network)()
    made.load_state_dict(network.state_dict())
    return made


def test_dropout_is_the_same_in_every_run_and_differs_between_steps(
    convolutional: Net, splits: Splits
) -> None:
    one, two = convolutional(), convolutional()
    torch.manual_seed(1)
    state = torch.get_rng_state()
    list(run(one, splits))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    list(run(two, splits))
    assert largest_gap(one, two) == 0


def test_two_outputs_and_two_inputs() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dense = nn.Linear(3, 2)

        def forward(self, small: torch.Tensor, large: torch.Tensor) -> dict[str, torch.Tensor]:
            both = self.dense(torch.cat([small, large], 1))
            return {"class": both, "value": both[:, :1]}

    rng = np.random.default_rng(0)
    inputs = {"large": rng.random((40, 2)), "small": rng.random((40, 1))}
    inputs = {k: v.astype(np.float32) for k, v in inputs.items()}
    targets = {"value": inputs["small"] * 2, "class": (inputs["large"][:, 0] > 0.5).astype(int)}
    split = Rows(inputs, targets, None, np.arange(40))
    objective = Objective(
        {"class": Loss("sparse_categorical_crossentropy"), "value": Loss("mse", weight=0.5)},
        inputs=("small", "large"),
    )
    training = Training(epochs=60, batch_size=8, optimizer={"name": "adam", "learning_rate": 0.05})  # type: ignore[arg-type]
    events = list(fit(Two(), objective, {"train": split, "validation": split}, training, PLAIN))
    epochs = [e for e in events if isinstance(e, Epoch)]
    assert set(epochs[0].metrics) >= {"loss", "class_loss", "class_accuracy", "val_value_loss"}
    assert epochs[-1].loss < 0.5 * epochs[0].loss


# Trouble.


def poisoned(splits: Splits, row: int, value: float) -> Splits:
    train = splits["train"]
    inputs = train.floats()
    inputs[row] = value
    return {"train": replace(train, inputs={"input": inputs}, affine={}, ids=train.ids + 500)}


def test_a_loss_that_is_not_finite_names_step_and_rows(
    plain: Net, splits: Splits, tmp_path: Path
) -> None:
    bad = poisoned(splits, 41, math.nan)
    order = epoch_order(0, 0, 70, 16)
    number = next(i for i, index in enumerate(order) if 41 in index)
    place = Place(tmp_path / "checkpoints")
    with pytest.raises(TrainingError) as error:
        list(run(plain(), bad, place))
    text = str(error.value)
    assert f"became nan at step {number + 1} (epoch 1)" in text and "Row 541" in text
    assert all(str(i + 500) in text for i in order[number][:8])
    assert checkpoint.steps(place.folder) == []


def test_an_exploding_loss_says_what_to_try_and_keeps_the_last_good(
    plain: Net, splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "_SAVING", math.inf)  # a checkpoint at every update
    place = Place(tmp_path / "checkpoints")
    wild = {"name": "sgd", "learning_rate": 1e25}
    with pytest.raises(TrainingError, match="clip_norm"):
        list(run(plain(), splits, place, optimizer=wild, checkpoint_seconds=0, epochs=9))
    for path in checkpoint.steps(place.folder):
        for tensors in checkpoint.read(path).groups.values():
            assert all(np.isfinite(t).all() for t in tensors.values())


def test_ctrl_c_saves_and_says_how_to_go_on(plain: Net, splits: Splits, tmp_path: Path) -> None:
    seen: list[Event] = []
    for event in run(plain(), splits, Place(tmp_path / "run" / "checkpoints"), epochs=1000):
        seen.append(event)
        if isinstance(event, Epoch) and event.epoch == 3:
            os.kill(os.getpid(), signal.SIGINT)
    saved, stopped = seen[-2:]
    assert isinstance(saved, Saved) and isinstance(stopped, Stopped)
    assert stopped.reason == "interrupted" and str(tmp_path / "run") in stopped.advice
    assert saved.step == stopped.step == 15
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_full_disk_is_one_sentence(
    plain: Net, splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "_write_file", full)
    with pytest.raises(TrainingError, match="disk is full"):
        list(run(plain(), splits, Place(tmp_path)))


def test_the_time_limit_is_kept_and_the_result_scored(plain: Net, splits: Splits) -> None:
    events = list(run(plain(), splits, epochs=10**6, time_limit=0.4))
    stopped = events[-1]
    assert isinstance(stopped, Stopped) and stopped.reason == "time limit"
    assert any(isinstance(event, Evaluated) for event in events[-3:])
    seconds = sum(e.seconds for e in events if isinstance(e, Epoch))
    assert 0 < seconds < 0.5


def test_a_slow_first_update_does_not_use_up_the_time_limit(
    plain: Net, splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scoring is not expected to be as slow as the update that warmed up."""
    network, slow = plain(), [1.0]
    layer = next(network.children())
    layer.register_forward_pre_hook(lambda *_: time.sleep(slow.pop() if slow else 0.0))
    monkeypatch.setattr(room, "_LOOK", 0.0)  # a look after each update, the first one included
    events = list(run(network, splits, epochs=1, time_limit=2.0))
    assert events[-1] == Stopped("finished", 5, 5) and not slow


def test_a_time_limit_within_an_epoch_still_scores(
    plain: Net, splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: Iterator[str] = iter(["", "", "time limit"])
    monkeypatch.setattr(room, "reason_to_stop", lambda run: next(answers))
    events = list(run(plain(), splits))
    assert kinds(events) == ["Started", "Evaluated", "Stopped"]
    assert events[-1] == Stopped("time limit", 3, 3)


def test_a_used_folder_is_not_overwritten(plain: Net, splits: Splits, tmp_path: Path) -> None:
    list(run(plain(), splits, Place(tmp_path)))
    with pytest.raises(RunError, match="already holds"):
        next(run(plain(), splits, Place(tmp_path)))


def test_health_is_measured_twice_an_epoch_at_most(plain: Net, splits: Splits) -> None:
    steps = [e.step for e in run(plain(), splits, epochs=30) if isinstance(e, Health)]
    assert steps == [1, 51, 101]


def test_a_vanishing_gradient_reaches_the_epoch(splits: Splits) -> None:
    torch.manual_seed(0)
    parts: list[nn.Module] = [nn.Flatten(), nn.Linear(72, 16), nn.Sigmoid()]
    for _ in range(9):
        parts += [nn.Linear(16, 16), nn.Sigmoid()]
    network = nn.Sequential(*parts, nn.Linear(16, 3))
    first = next(e for e in run(network, splits) if isinstance(e, Epoch))
    assert any("vanishes in 1:" in text and "batch normalization" in text for text in first.health)


def test_an_epoch_ends_when_its_queued_updates_are_done(
    plain: Net, splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine in another process only queues updates; waiting for them belongs to the epoch."""
    own = room.drain

    def waiting(*given: Any) -> Any:
        time.sleep(0.1)
        return own(*given)

    monkeypatch.setattr(room, "drain", waiting)
    epochs = [event for event in run(plain(), splits) if isinstance(event, Epoch)]
    assert len(epochs) == 2 and min(epoch.seconds for epoch in epochs) >= 0.1
