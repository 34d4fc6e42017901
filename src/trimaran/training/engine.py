"""The network that learns, as the loop sees it: plain values in, plain values out.

The loop (`training.loop`) decides what happens when; an engine does it, in a framework. Weights,
slots and masks cross this face under their neutral names, in PyTorch's layouts, as NumPy arrays,
so an engine may live in another process, and two engines can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from trimaran.tasks.loss import Objective
from trimaran.training.health import LayerHealth

Arrays = Mapping[str, np.ndarray]
Groups = Mapping[str, Arrays]


@dataclass(frozen=True)
class Objectives:
    """What training rows are weighed by, and what judges the rows of validation."""

    train: Objective
    judge: Objective


@dataclass(frozen=True)
class Update:
    """One update of the weights, and the batches of the epoch that it is made from.

    number: of this update in the run, from 1
    first:  the number, in the epoch, of its first batch;  batches: how many it joins
    rate:   the learning rate;  seeds: one per batch, from which its dropout is drawn
    masks:  path of a dropout -> the entries that it keeps (1) and drops (0), batch first, in the
        engine's own layout; only with one batch
    """

    number: int
    first: int
    batches: int
    rate: float
    seeds: tuple[int, ...]
    masks: Arrays = field(default_factory=dict)


@dataclass(frozen=True)
class Sums:
    """What batches left behind, in float64, one entry a batch.

    numbers: of the batches in their epoch
    values:  "<output>/sum" (weighted loss), "<output>/total" (its denominator), "<output>/rows" and
        "<output>/<metric>" -> (len(numbers),)
    """

    numbers: tuple[int, ...]
    values: Mapping[str, np.ndarray]


class Engine(Protocol):
    """A network with its data, losses and optimizer."""

    span: int
    """Updates that it likes to be asked for at once; 1 where joining them gains nothing."""
    trained: int
    """How many numbers are trained."""
    needs_two_rows: bool
    """Whether a batch of one row teaches nothing (batch normalization)."""

    def begin(self, epoch: int, order: Sequence[np.ndarray], start: int) -> None:
        """Open an epoch (from 0): `order` is its batches as positions, `start` the next one."""
        ...

    def end(self) -> None:
        """Close the epoch's batches; safe to call twice."""
        ...

    def update(self, updates: Sequence[Update], watch: bool = False) -> tuple[LayerHealth, ...]:
        """Make these updates in turn; with `watch`, tell the health of the layers in the first."""
        ...

    def drain(self) -> Sums:
        """What the batches since the last call left behind; waits for the device."""
        ...

    def score(self, batch_size: int) -> Sums:
        """The validation split with the weights that are to be kept, in inference mode."""
        ...

    def keep(self) -> None:
        """Remember the weights of now as the best ones."""
        ...

    def finish(self) -> None:
        """Take the weights to be kept: the best ones, else the averages, else those of now."""
        ...

    def state(self) -> dict[str, dict[str, np.ndarray]]:
        """The groups "model", "optimizer" ("slot/key"), and where there are any "averages" and
        "best"."""
        ...

    def restore(self, groups: Groups, count: int) -> None:
        """Fill everything in place from such groups, after `count` updates.

        Raises `RunError` where they are of another network or optimizer.
        """
        ...

    def weights(self) -> dict[str, np.ndarray]:
        """All arrays by their key in model.safetensors."""
        ...

    def fingerprint(self) -> dict[str, Any]:
        """What must be the same for a resumed run to give the same bits."""
        ...
