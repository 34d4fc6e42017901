"""What moves while a run trains, and questions to it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from trimaran.data.batches import Rows
from trimaran.data.order import epoch_order
from trimaran.data.stream import Stream
from trimaran.errors import TrainingError
from trimaran.training.checkpoint import Place, steps
from trimaran.training.engine import Engine, Objectives, Sums
from trimaran.training.events import INTERRUPTED
from trimaran.training.execution import Execution
from trimaran.training.interruption import Interruption
from trimaran.training.resume import Position
from trimaran.training.schedules import Horizon, factor
from trimaran.training.settings import Training
from trimaran.training.tally import Tally

Splits = Mapping[str, Rows | Stream]


@dataclass(frozen=True)
class Parts:
    """What stands still: the engine with its data, and what it was made for."""

    engine: Engine
    objectives: Objectives
    splits: Splits
    training: Training
    execution: Execution

    @property
    def train(self) -> Rows | Stream:
        return self.splits["train"]

    @property
    def validation(self) -> Rows | Stream | None:
        return self.splits.get("validation")

    @cached_property
    def horizon(self) -> Horizon:
        batches = len(self.order(0))
        updates = -(-batches // self.training.accumulate)
        return Horizon(updates * self.training.epochs, updates)

    def order(self, epoch: int) -> list[np.ndarray]:
        """The batches of an epoch, as positions. Batch normalization cannot learn from one row, so
        a last batch of one joins the batch before it."""
        given = self.training
        rows = self.train
        padded = list(rows.lengths.values()) if isinstance(rows, Rows) else []
        lengths = padded[0] if padded else None
        order = epoch_order(given.seed, epoch, len(rows), given.batch_size, given.shuffle, lengths)
        if self.engine.needs_two_rows and len(order) > 1 and len(order[-1]) == 1:
            order[-2:] = [np.concatenate(order[-2:])]
        return order


@dataclass
class Run:
    """The moving parts of one call of `fit`; the clocks are `time.monotonic()`.

    pace: the most examples a second between two looks; None before the first look, whose updates
          warm up, and 0 after it
    """

    parts: Parts
    place: Place | None
    identity: Mapping[str, object]
    interruption: Interruption
    began: float
    tally: Tally
    position: Position = field(default_factory=Position)
    rate: float = 0.0
    looked: float = 0.0
    seen: int = 0
    pace: float | None = None
    saved: float = 0.0
    saved_step: int = -1
    saving: float = 0.0
    scoring: float = 0.0
    warnings: dict[str, None] = field(default_factory=dict)

    @property
    def engine(self) -> Engine:
        return self.parts.engine

    @property
    def training(self) -> Training:
        return self.parts.training

    def seconds(self) -> float:
        """Seconds of this run so far, over all its sessions."""
        return self.position.seconds + time.monotonic() - self.began


def reason_to_stop(run: Run) -> str:
    """Why to stop between two updates."""
    if run.interruption.asked:
        return INTERRUPTED
    limit = run.training.time_limit
    if limit is None or run.seconds() + run.saving + _scoring_time(run) < float(limit):
        return ""
    return "time limit"


def _scoring_time(run: Run) -> float:
    """Seconds that scoring the validation split takes: as last time, or by the training's pace."""
    split = run.parts.validation
    if split is None or run.scoring or not run.pace:
        return run.scoring
    return len(split) / run.pace


def batch_seed(run: Run, batch: int) -> int:
    """A random-looking number for each batch of each epoch (the finalizer of SplitMix64)."""
    mask = (1 << 64) - 1
    number = (run.position.epoch << 32) + batch + 1
    z = (run.training.seed + number * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return (z ^ (z >> 31)) >> 1


def learning_rate(run: Run, step: int) -> float:
    """The rate of the update after `step` others."""
    training = run.training
    scale = factor(training.schedule, step, run.parts.horizon) * run.position.plateau.cut
    return training.optimizer.learning_rate * scale


def health_interval(run: Run) -> int:
    """Updates between looks at the gradients: half an epoch, but at least 50."""
    return max(50, -(-run.parts.horizon.per_epoch // 2))


def drain(run: Run, order: list[np.ndarray]) -> list[float]:
    """The losses of the batches since the last look; `TrainingError` at the first that is not
    finite."""
    found: Sums = run.engine.drain()
    losses = run.tally.add(found)
    for number, loss in losses:
        if not math.isfinite(loss):
            raise TrainingError(_not_finite(run, order, number, loss))
    return [loss for _, loss in losses]


def _not_finite(run: Run, order: list[np.ndarray], number: int, loss: float) -> str:
    position = run.position
    done = position.epoch * run.parts.horizon.per_epoch
    step = done + number // run.training.accumulate + 1
    rows = run.parts.train.ids[order[number]].tolist()
    shown = ", ".join(map(str, rows[:8])) + (f" and {len(rows) - 8} more" if len(rows) > 8 else "")
    kept = steps(run.place.folder) if run.place else []
    saved = f"The checkpoint {kept[-1].name} is sound. " if kept else ""
    strange = strange_row(run.parts.train.take(order[number]))
    cause = f"Row {strange} holds a value that is not finite: mend or drop it"
    advice = "Lower the learning rate, set clip_norm: 1, or look for extreme values in those rows"
    return (
        f"The loss became {loss} at step {step} (epoch {position.epoch + 1}) in a batch with the "
        f"rows {shown}. {saved}{advice if strange is None else cause}."
    )


def strange_row(rows: Rows) -> int | None:
    """The id of the first row with a value that is not finite, if there is one."""
    for values in (*rows.inputs.values(), *rows.targets.values()):
        if values.dtype.kind == "f":
            bad = ~np.isfinite(values.reshape(len(values), -1)).all(1)
            if bad.any():
                return int(rows.ids[int(np.argmax(bad))])
    return None
