"""Which steps of padded sequences hold data, and the layer that clears the padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from trimaran.backends.reference.arrays import Array, Arrays, Backward, Forward, Parameters, Rule
from trimaran.spec import Layer
from trimaran.spec.layers import MaskSteps


def split_steps(layer: Any, inputs: Arrays) -> tuple[Arrays, Arrays]:
    """(the layer's own inputs, what says which steps hold data, if anything does)."""
    return (inputs[:-1], inputs[-1:]) if layer.masked else (inputs, ())


def step_mask(x: Array, steps: Arrays) -> Array:
    """(batch, time): whether the row holds data at the step (see `spec.layers.steps`)."""
    if not steps:
        return np.ones(x.shape[:2], dtype=bool)
    count = steps[0] if steps[0].ndim == 1 else (steps[0] != 0).sum(axis=1)
    return np.asarray(np.arange(x.shape[1]) < np.maximum(count, 1)[:, None])


def unmoved(steps: Arrays) -> Arrays:
    """Numbers of steps have no gradient."""
    return tuple(np.zeros(each.shape) for each in steps)


def _forward(layer: MaskSteps, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    mask = step_mask(inputs[0], inputs[1:])[..., None]
    return np.where(mask, inputs[0], 0.0), (mask, inputs[1:])


def _backward(layer: MaskSteps, parameters: Parameters, cache: Any, gradient: Array) -> Backward:
    mask, steps = cache
    return (np.where(mask, gradient, 0.0), *unmoved(steps)), {}


RULES: dict[type[Layer], Rule] = {MaskSteps: Rule(_forward, _backward)}
