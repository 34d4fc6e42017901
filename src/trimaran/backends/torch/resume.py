"""The whole state of a run as a checkpoint, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trimaran.backends.torch.execution import fingerprint
from trimaran.backends.torch.optimizers import Averages, Update, fill
from trimaran.backends.torch.tally import Tally
from trimaran.data.batches import Rows
from trimaran.data.stream import Stream
from trimaran.errors import RunError, TrainingError
from trimaran.training.checkpoint import Checkpoint, differences
from trimaran.training.execution import Execution
from trimaran.training.schedules import Plateau
from trimaran.training.settings import FREE, Training
from trimaran.training.stopping import Best


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


@dataclass
class Held:
    """The tensors of a run: network, optimizer slots, averages, and a copy of the best."""

    network: nn.Module
    update: Update
    averages: Averages | None
    best: dict[str, Tensor]


def capture(held: Held, position: Position, tally: Tally, rest: Mapping[str, Any]) -> Checkpoint:
    """A checkpoint of now. Raises `TrainingError` rather than keep a value that is not finite."""
    groups = {"model": held.network.state_dict(), "optimizer": held.update.state()}
    if held.averages:
        groups["averages"] = held.averages.tensors
    if held.best:
        groups["best"] = held.best
    arrays = {group: _arrays(tensors) for group, tensors in groups.items()}
    for group, tensors in arrays.items():
        for key, values in tensors.items():
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise TrainingError(
                    f"The {group} tensor {key!r} holds values that are not finite at step "
                    f"{position.step}; lower the learning rate or set clip_norm: 1."
                )
    state = {"position": asdict(position), "sums": dict(tally.sums), **rest}
    return Checkpoint(position.step, arrays, state)


def _arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {key: tensor.detach().cpu().numpy() for key, tensor in tensors.items()}


def restore(checkpoint: Checkpoint, held: Held, tally: Tally) -> Position:
    """Fills the run's tensors in place and returns its position.

    Raises `RunError` where the checkpoint is of another network or optimizer.
    """
    tensors = {g: _tensors(arrays) for g, arrays in checkpoint.groups.items()}
    fill(held.network.state_dict(), tensors["model"], "model")
    held.update.restore(tensors.get("optimizer", {}), checkpoint.step)
    if held.averages:
        fill(held.averages.tensors, tensors.get("averages", {}), "moving average")
    if "best" in tensors:
        held.best = copy_of(held.network)
        fill(held.best, tensors["best"], "best weights")
    tally.restore(checkpoint.state["sums"])
    given = dict(checkpoint.state["position"])
    given["best"], given["plateau"] = Best(**given["best"]), Plateau(**given["plateau"])
    return Position(**given)


def _tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    return {key: torch.from_numpy(values.copy()) for key, values in arrays.items()}


def copy_of(network: nn.Module) -> dict[str, Tensor]:
    """The network's parameters and buffers, copied in their memory layout."""
    return {key: tensor.detach().clone() for key, tensor in network.state_dict().items()}


def identity(training: Training, train: Rows | Stream, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a resumed run must share with its checkpoint: machine, settings, rows, and `given`
    (the caller's digests of data and model)."""
    settings = {k: v for k, v in training.to_json().items() if k not in FREE}
    rows = hashlib.sha256(np.ascontiguousarray(train.ids).tobytes()).hexdigest()[:16]
    return {
        **fingerprint(),
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
