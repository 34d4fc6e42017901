"""Inputs, targets and losses for any model, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from trimaran.comparison.problem import drawn, use_of
from trimaran.spec import Model
from trimaran.tasks.loss import Loss

UNKNOWN = 5
"""What an unknown size is."""
Arrays = dict[str, np.ndarray]


def inputs(model: Model, rng: np.random.Generator, rows: int = 3) -> Arrays:
    """Normal numbers, and whole ones that the model's tables have."""
    found = {}
    for value, port in enumerate(model.inputs):
        shape = (rows, *(n or UNKNOWN for n in port.shape))
        whole = port.dtype == "int32"
        given = drawn(rng, shape, use_of(model, value)) if whole else rng.normal(size=shape)
        found[port.name] = given
    return found


def material(model: Model, seed: int, rows: int = 3) -> tuple[Arrays, Arrays, dict[str, Loss]]:
    """Inputs, and a target and a loss for each output: classes for a softmax (one a step where it
    stands over steps), yes or no for a sigmoid, numbers for the others."""
    rng = np.random.default_rng(seed)
    given, targets, losses = inputs(model, rng, rows), {}, {}
    for name, value in model.outputs:
        head = model.heads.get(name, "")
        targets[name], losses[name] = _goal(rng, head, (rows, *model.shapes[value]))
    return given, targets, losses


def _goal(rng: np.random.Generator, head: str, shape: Any) -> tuple[np.ndarray, Loss]:
    if head == "softmax":
        loss = Loss("sparse_categorical_crossentropy", label_smoothing=0.1)
        return rng.integers(0, shape[-1], shape[:-1]), loss
    if head == "sigmoid":
        return rng.integers(0, 2, shape).astype(float), Loss("binary_crossentropy", weight=0.5)
    return rng.normal(size=shape), Loss("mean_squared_error")
