"""What both sides are given: rows, targets, weights, the order of batches, masks of dropouts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from trimaran.data.batches import Rows
from trimaran.spec import Model
from trimaran.spec.dropping import dropping
from trimaran.spec.layer import known
from trimaran.spec.layers import Embedding, OneHot, Rescaling
from trimaran.spec.model import sized
from trimaran.spec.padding import told_by
from trimaran.tasks.loss import Loss, Objective
from trimaran.training.engine import Objectives
from trimaran.training.objectives import objectives
from trimaran.training.settings import Training

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Problem:
    """A model with weights, and what it is to learn.

    precision: "float32" or "float64";  steps: updates of the long rungs
    idle: keys of weights that the loss does not depend on (a bias before a batch normalization):
        their gradient is rounding noise, which Adam's kind of optimizer turns into whole steps
    """

    model: Model
    weights: Mapping[str, np.ndarray]
    rows: Rows
    objective: Objective
    training: Training
    precision: str = "float64"
    steps: int = 100
    idle: frozenset[str] = frozenset()

    def doubled(self) -> Problem:
        """The same in float64, from the same weights, which a network in float64 makes its own."""
        return replace(self, precision="float64")

    @cached_property
    def objectives(self) -> Objectives:
        """Of training and of validation."""
        return objectives(self.objective, self.training, self.rows)

    @cached_property
    def splits(self) -> dict[str, Rows]:
        """The same rows for training and for the score."""
        return {"train": self.rows, "validation": self.rows}

    @cached_property
    def order(self) -> list[np.ndarray]:
        """The batches of all steps, as positions."""
        rng = np.random.default_rng(self.training.seed)
        size = min(self.training.batch_size, len(self.rows))
        return [rng.permutation(len(self.rows))[:size] for _ in range(self.steps)]

    def judged(self, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Those of a free run's arrays that say whether it is the same training.

        An idle weight walks at random, and where there is one (a bias before a batch
        normalization), running means follow it: statistics are then left to the shared states.
        """
        return {
            key: values
            for key, values in weights.items()
            if key not in self.idle and (not self.idle or self.model.parameters[key].trainable)
        }

    def batch(self) -> tuple[Arrays, Arrays]:
        """Inputs and targets of the first batch, as floats."""
        rows = self.rows.take(self.order[0])
        inputs = {port.name: rows.floats(port.name) for port in self.model.inputs}
        if self.precision == "float64":
            inputs = {k: v if v.dtype == np.int32 else v.astype(float) for k, v in inputs.items()}
        return inputs, dict(rows.targets)

    def masks(self, step: int) -> Arrays:
        """What each dropout keeps at this step (from 1), channels-last."""
        size = len(self.order[0])
        found = {}
        for number, leaf in enumerate(self._sized.leaves):
            path, rate, dropped = dropping(leaf)
            if rate:
                rng = np.random.default_rng((self.training.seed, step, number))
                found[path] = (rng.random((size, *known(dropped))) >= rate).astype(np.float32)
        return found

    @cached_property
    def _sized(self) -> Model:
        """The model for these rows, whose steps it may leave open."""
        return sized(self.model, {k: v.shape[1:] for k, v in self.rows.inputs.items()})


def invented(model: Model, count: int = 256, seed: int = 0) -> tuple[Rows, Objective]:
    """Rows that look like data of that model, with an objective that fits its outputs."""
    rng = np.random.default_rng(seed)
    inputs = {
        port.name: drawn(rng, (count, *(n or UNKNOWN for n in port.shape)), use_of(model, number))
        for number, port in enumerate(model.inputs)
    }
    targets, losses = {}, {}
    for name, _ in model.outputs:
        shape = tuple(n or UNKNOWN for n in model.output_shape(name))
        head = model.heads.get(name)
        targets[name], losses[name] = _target(rng, count, shape, head)
    names = tuple(port.name for port in model.inputs)
    rows = Rows(inputs, targets, None, np.arange(count))
    return rows, Objective(losses, inputs=names)


UNKNOWN = 8
"""What an unknown size is, where rows are invented."""


@dataclass(frozen=True)
class Use:
    """What an input holds: numbers below `known` that name something (0: it holds features), and
    whether it says which of `time` steps hold data (0: it does not). Features are brought to a
    mean of 0 and a deviation of 1 by `scale · x + offset`."""

    known: int = 0
    time: int = 0
    scale: float = 1.0
    offset: float = 0.0


def use_of(model: Model, value: int) -> Use:
    """How the layers read an input."""
    readers = [leaf for leaf in model.leaves if value in leaf.inputs]
    tables = [leaf.layer.input_dim for leaf in readers if isinstance(leaf.layer, Embedding)]
    tables += [leaf.layer.depth for leaf in readers if isinstance(leaf.layer, OneHot)]
    told = [(leaf, place) for leaf in readers for v, place in told_by(leaf) if v == value]
    times = [leaf.in_shapes[place][0] or UNKNOWN for leaf, place in told]
    scale, offset = _rescaled(model, value)
    return Use(min(tables, default=2 if times else 0), min(times, default=0), scale, offset)


def _rescaled(model: Model, value: int) -> tuple[float, float]:
    """Scale and offset of the Rescalings, one behind the other, that alone read the input: without
    them rows for x / 255 would all be nearly 0, and a normalization magnify the rounding."""
    scale, offset = 1.0, 0.0
    while True:
        readers = [leaf for leaf in model.leaves if value in leaf.inputs]
        layer = readers[0].layer if len(readers) == 1 else None
        if not isinstance(layer, Rescaling):
            return (scale, offset) if 1e-6 < abs(scale) < 1e6 else (1.0, 0.0)
        scale, offset = layer.scale * scale, layer.scale * offset + layer.offset
        value = readers[0].output


def drawn(rng: np.random.Generator, shape: tuple[int, ...], use: Use) -> np.ndarray:
    """Numbers of that shape, the first axis the batch; rows are padded behind their last step."""
    if not use.known:
        return ((rng.normal(size=shape) - use.offset) / use.scale).astype(np.float32)
    if not use.time:
        return rng.integers(0, use.known, shape).astype(np.int32)
    lengths = rng.integers(1, use.time + 1, shape[0]).astype(np.int32)
    if len(shape) == 1:
        return lengths
    marks = rng.integers(1, max(use.known, 2), shape).astype(np.int32)
    return np.where(np.arange(shape[1]) < lengths[:, None], marks, 0).astype(np.int32)


def _target(
    rng: np.random.Generator, count: int, shape: tuple[int, ...], head: str | None
) -> tuple[np.ndarray, Loss]:
    if head == "softmax" and len(shape) < 3:
        classes = rng.integers(0, shape[-1], (count, *shape[:-1]))
        return classes, Loss("sparse_categorical_crossentropy").on(head)
    if head == "sigmoid":
        return rng.integers(0, 2, (count, *shape)).astype(np.float32), Loss(
            "binary_crossentropy"
        ).on(head)
    return rng.normal(size=(count, *shape)).astype(np.float32), Loss("mean_squared_error")
