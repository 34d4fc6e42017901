"""What moves while a run trains, and questions to it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from trimaran.backends.torch.resume import Position
from trimaran.backends.torch.setup import Setup
from trimaran.backends.torch.tally import Tally
from trimaran.errors import TrainingError
from trimaran.training.checkpoint import Place, steps
from trimaran.training.interruption import Interruption
from trimaran.training.schedules import Horizon, factor


@dataclass
class Run:
    """The moving parts of one call of `fit`; the clocks are `time.monotonic()`."""

    setup: Setup
    horizon: Horizon
    place: Place | None
    identity: Mapping[str, object]
    interruption: Interruption
    began: float
    tally: Tally
    position: Position = field(default_factory=Position)
    rate: float = 0.0
    looked: float = 0.0
    seen: int = 0
    saved: float = 0.0
    saved_step: int = -1
    saving: float = 0.0
    scoring: float = 0.0
    warnings: dict[str, None] = field(default_factory=dict)

    def seconds(self) -> float:
        """Seconds of this run so far, over all its sessions."""
        return self.position.seconds + time.monotonic() - self.began


def reason_to_stop(run: Run) -> str:
    """Why to stop between two updates."""
    if run.interruption.asked:
        return "interrupted"
    limit = run.setup.training.time_limit
    if limit is None or run.seconds() + run.saving + _scoring_time(run) < float(limit):
        return ""
    return "time limit"


def _scoring_time(run: Run) -> float:
    """Seconds that scoring the validation split takes: as last time, or by the training's pace."""
    source, examples = run.setup.validation, run.tally.examples()
    if source is None or run.scoring or not examples:
        return run.scoring
    return run.position.epoch_seconds / examples * len(source)


def batch_seed(run: Run, batch: int) -> int:
    """A random-looking number for each batch of each epoch (the finalizer of SplitMix64)."""
    mask = (1 << 64) - 1
    number = (run.position.epoch << 32) + batch + 1
    z = (run.setup.training.seed + number * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return (z ^ (z >> 31)) >> 1


def learning_rate(run: Run) -> float:
    training, step = run.setup.training, run.position.step
    scale = factor(training.schedule, step, run.horizon) * run.position.plateau.cut
    return training.optimizer.learning_rate * scale


def measures_health(run: Run) -> bool:
    """Twice an epoch and at the first update, but not more often than every 50 updates."""
    return run.position.step % max(50, -(-run.horizon.per_epoch // 2)) == 0


def drain(run: Run, order: list[np.ndarray]) -> list[float]:
    """The losses of the batches since the last look; `TrainingError` at the first that is not
    finite."""
    found = run.tally.drain()
    for number, loss in found:
        if not math.isfinite(loss):
            raise TrainingError(_not_finite(run, order, number, loss))
    return [loss for _, loss in found]


def _not_finite(run: Run, order: list[np.ndarray], number: int, loss: float) -> str:
    training, position = run.setup.training, run.position
    step = position.epoch * run.horizon.per_epoch + number // training.accumulate + 1
    rows = run.setup.train.split.ids[order[number]].tolist()
    shown = ", ".join(map(str, rows[:8])) + (f" and {len(rows) - 8} more" if len(rows) > 8 else "")
    kept = steps(run.place.folder) if run.place else []
    saved = f"The checkpoint {kept[-1].name} is sound. " if kept else ""
    strange = run.setup.train.not_finite(order[number])
    cause = f"Row {strange} holds a value that is not finite: mend or drop it" if strange else ""
    advice = "Lower the learning rate, set clip_norm: 1, or look for extreme values in those rows"
    return (
        f"The loss became {loss} at step {step} (epoch {position.epoch + 1}) in a batch with the "
        f"rows {shown}. {saved}{cause or advice}."
    )
