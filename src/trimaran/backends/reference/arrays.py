"""The types that the rules of all layers share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Arrays = tuple[Array, ...]
Parameters = Mapping[str, Array]
"""Arrays of one layer by name, in PyTorch's layout, for example weight and bias."""

Forward = tuple[Any, Any]
"""The output (several as a tuple), and a cache: whatever the backward rule needs."""

Backward = tuple[Arrays, dict[str, Array]]
"""Gradients with respect to the inputs, and to the parameters by name."""


@dataclass(frozen=True)
class Rule:
    """A layer's two pure functions.

    `forward(layer, parameters, inputs, training) -> (output, cache)` and
    `backward(layer, parameters, cache, gradient) -> (input gradients, parameter gradients)`,
    where `gradient` is δ = ∂L/∂output, a tuple where there are several. Arrays are float64 and
    channels-last with the batch first.
    """

    forward: Callable[[Any, Parameters, Arrays, bool], Forward]
    backward: Callable[[Any, Parameters, Any, Any], Backward]


def rows(x: Array) -> Array:
    """(..., channels) → (rows, channels)."""
    return x.reshape(-1, x.shape[-1])


def total(x: Array) -> Array:
    """The sum over all axes but the last: the gradient of a bias."""
    return np.asarray(rows(x).sum(axis=0))
