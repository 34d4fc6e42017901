"""The whole state of a run as a checkpoint, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from trimaran.data.batches import Rows
from trimaran.data.stream import Stream
from trimaran.errors import RunError, TrainingError
from trimaran.training.checkpoint import Checkpoint, differences
from trimaran.training.engine import Engine
from trimaran.training.execution import Execution
from trimaran.training.schedules import Plateau
from trimaran.training.settings import FREE, Training
from trimaran.training.stopping import Best
from trimaran.training.tally import Tally


@dataclass
class Position:
    """Where a run stands; all of it is JSON.

    epoch and batch count from 0: `batch` is the next one of `epoch`. Seconds are of training,
    over all sessions; `finished` is the reason for which the run ended, or "".
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    best: Best = field(default_factory=Best)
    plateau: Plateau = field(default_factory=Plateau)
    seconds: float = 0.0
    epoch_seconds: float = 0.0
    finished: str = ""


def capture(
    engine: Engine, position: Position, tally: Tally, rest: Mapping[str, Any]
) -> Checkpoint:
    """A checkpoint of now. Raises `TrainingError` rather than keep a value that is not finite."""
    groups = engine.state()
    for group, arrays in groups.items():
        for key, values in arrays.items():
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise TrainingError(
                    f"The {group} tensor {key!r} holds values that are not finite at step "
                    f"{position.step}; lower the learning rate or set clip_norm: 1."
                )
    state = {"position": asdict(position), "sums": dict(tally.sums), **rest}
    return Checkpoint(position.step, groups, state)


def restore(checkpoint: Checkpoint, engine: Engine, tally: Tally) -> Position:
    """Fills the engine in place and returns the run's position.

    Raises `RunError` where the checkpoint is of another network or optimizer.
    """
    engine.restore(checkpoint.groups, checkpoint.step)
    tally.restore(checkpoint.state["sums"])
    given = dict(checkpoint.state["position"])
    given["best"], given["plateau"] = Best(**given["best"]), Plateau(**given["plateau"])
    return Position(**given)


def identity(
    training: Training,
    train: Rows | Stream,
    machine: Mapping[str, Any],
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """What a resumed run must share with its checkpoint: machine, settings, rows, and `given`
    (the caller's digests of data and model)."""
    settings = {k: v for k, v in training.to_json().items() if k not in FREE}
    rows = hashlib.sha256(np.ascontiguousarray(train.ids).tobytes()).hexdigest()[:16]
    return {
        **machine,
        **{f"training.{key}": value for key, value in settings.items()},
        "training rows": rows,
        **given,
    }


def check_identity(stored: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    """Raises `RunError` where resuming could not give the same bits."""
    changed = differences(stored, here)
    if changed:
        first = changed[0]
        raise RunError(
            f"Resuming would not give the same weights as an undisturbed run: "
            f"{', '.join(changed)} changed ({first} was {stored.get(first)!r}, is "
            f"{here.get(first)!r}). Restore it, or allow it with --inexact."
        )


def stored_execution(checkpoint: Checkpoint) -> Execution:
    """The execution that the run was started with."""
    return Execution.from_json(checkpoint.state["execution"])
