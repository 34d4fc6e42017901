"""Rows on the way to a Keras network: resident on the device, gathered inside the step.

uint8 stays uint8 until it is gathered; the affine map is part of the traced step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any

import keras
import numpy as np
from keras import ops

from trimaran.backends.keras.wire import Made
from trimaran.data.batches import Affine

Tensor = Any
Tree = dict[str, Any]
_FLOATS = ("uint8", "float32", "float64")


@dataclass(frozen=True)
class Form:
    """How arrays become a network's inputs: names in the network's order, and the float type."""

    inputs: tuple[str, ...]
    dtype: str


@dataclass(frozen=True)
class Held:
    """A split: its rows on the device (none where the parent sends each batch), as many as
    `length`, and the affine maps of its inputs."""

    length: int
    resident: Tree
    affine: Mapping[str, Affine] = field(default_factory=dict)


Take = Callable[[Any, Any], Any]


def _within(values: Tensor, at: Tensor) -> Tensor:
    return ops.take(values, at, axis=0)


def outside(values: Tensor, at: np.ndarray) -> np.ndarray:
    """Rows as NumPy's arrays, where the device's memory is this process's."""
    rows: np.ndarray = np.asarray(values)[at]
    return rows


def gathered(batch: Tree, resident: Tree, take: Take = _within) -> Tree:
    """A batch's rows; traced, unless they are taken `outside`."""
    if "index" not in batch:
        return batch
    at = batch["index"]
    found: Tree = {
        group: {name: take(values, at) for name, values in resident[group].items()}
        for group in ("inputs", "targets")
    }
    if "weights" in resident:
        found["weights"] = take(resident["weights"], at)
    return found


def converted(inputs: Tree, form: Form, affine: Mapping[str, Affine]) -> list[Tensor]:
    """The network's inputs in its order, as floats; traced."""
    found = []
    for name in form.inputs:
        values = inputs[name]
        if name in affine:
            values = _apply(affine[name], ops.cast(values, form.dtype), form.dtype)
        elif keras.backend.standardize_dtype(values.dtype) in _FLOATS:
            values = ops.cast(values, form.dtype)
        found.append(values)
    return found


def _apply(affine: Affine, values: Tensor, dtype: str) -> Tensor:
    values = values * ops.convert_to_tensor(np.array(affine.scale, dtype))
    if any(affine.offset):
        values = values + ops.convert_to_tensor(np.array(affine.offset, dtype))
    return values


def fetched(runtime: ModuleType, tree: Mapping[str, Tensor]) -> Made:
    """The tensors as NumPy's arrays, each copied from the device when it is read."""
    return Made({name: partial(runtime.fetch, tensor) for name, tensor in tree.items()})


def plain(values: np.ndarray) -> np.ndarray:
    """Class numbers as int32, which both frameworks have; all else as it is."""
    if values.dtype == np.int64:
        return np.ascontiguousarray(values.astype(np.int32))
    return np.ascontiguousarray(values)
