"""Normalization over the batch, over the last axis, and over groups of channels.

All three standardise x̂ = (x - μ)/√(σ² + ε) with the mean μ and the biased variance σ² over a set
of n entries, then scale y = γ x̂ + β. Through μ and σ² each x reaches every x̂ of its set, so with
g = ∂L/∂x̂:  ∂L/∂x = (g - mean(g) - x̂ mean(g x̂)) / √(σ² + ε), the means over that set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trimaran.backends.reference.arrays import (
    Array,
    Arrays,
    Backward,
    Forward,
    Parameters,
    Rule,
    total,
)
from trimaran.errors import TrainingError
from trimaran.spec import Layer
from trimaran.spec.layers import BatchNormalization, GroupNormalization, LayerNormalization


@dataclass(frozen=True)
class Standard:
    """x̂, 1/√(σ² + ε), and the axes of the sets; no axes where μ and σ² are constants."""

    hat: Array
    inverse: Array
    axes: tuple[int, ...]
    mean: Array
    variance: Array


def standardise(x: Array, axes: tuple[int, ...], epsilon: float) -> Standard:
    """x̂ over sets that span `axes`."""
    mean = x.mean(axis=axes, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=axes, keepdims=True)
    inverse = 1.0 / np.sqrt(variance + epsilon)
    return Standard((x - mean) * inverse, inverse, axes, mean, variance)


def standardise_backward(cache: Standard, g: Array) -> Array:
    """The formula at the head of this file; g/√(σ² + ε) where μ and σ² are constants."""
    if not cache.axes:
        return np.asarray(g * cache.inverse)
    common = g.mean(axis=cache.axes, keepdims=True)
    tilt = (g * cache.hat).mean(axis=cache.axes, keepdims=True)
    return np.asarray((g - common - cache.hat * tilt) * cache.inverse)


def scale(parameters: Parameters, hat: Array) -> Array:
    """y = γ x̂ + β, as far as the layer has them."""
    y = hat * parameters["weight"] if "weight" in parameters else hat
    return y + parameters["bias"] if "bias" in parameters else y


def scale_backward(
    parameters: Parameters, hat: Array, gradient: Array
) -> tuple[Array, dict[str, Array]]:
    """∂L/∂x̂ = δ γ;  ∂L/∂γ = Σ δ x̂;  ∂L/∂β = Σ δ."""
    found: dict[str, Array] = {}
    if "weight" in parameters:
        found["weight"] = total(gradient * hat)
    if "bias" in parameters:
        found["bias"] = total(gradient)
    return (gradient * parameters["weight"] if "weight" in parameters else gradient), found


def batch(
    layer: BatchNormalization, parameters: Parameters, inputs: Arrays, training: bool
) -> Forward:
    """Sets: each channel over the batch and all positions. In evaluation μ and σ² are the running
    statistics (Ioffe and Szegedy 2015, algorithms 1 and 2)."""
    (x,) = inputs
    if training:
        cache = standardise(x, tuple(range(x.ndim - 1)), layer.epsilon)
    else:
        mean, variance = parameters["running_mean"], parameters["running_var"]
        inverse = 1.0 / np.sqrt(variance + layer.epsilon)
        cache = Standard((x - mean) * inverse, inverse, (), mean, variance)
    return scale(parameters, cache.hat), cache


def updated_statistics(
    layer: BatchNormalization, parameters: Mapping[str, Array], cache: Standard
) -> dict[str, Array]:
    """The buffers after a training step: running ← m·running + (1 - m)·batch, with Keras's
    momentum m and the unbiased variance σ²·n/(n - 1).

    Raises:
        TrainingError: one value per channel has no unbiased variance.
    """
    n = cache.hat.size // cache.hat.shape[-1]
    if n < 2:
        raise TrainingError(
            "BatchNormalization: expected more than 1 value per channel to train on, got 1; "
            "use batches of 2 rows or more."
        )
    new = {"running_mean": cache.mean, "running_var": cache.variance * n / (n - 1)}
    found = {
        key: layer.momentum * parameters[key] + (1.0 - layer.momentum) * value.ravel()
        for key, value in new.items()
    }
    return {**found, "num_batches_tracked": parameters["num_batches_tracked"] + 1}


def over_last(
    layer: LayerNormalization, parameters: Parameters, inputs: Arrays, training: bool
) -> Forward:
    """Sets: the last axis of each position (Ba et al. 2016, eq. 4)."""
    cache = standardise(inputs[0], (-1,), layer.epsilon)
    return scale(parameters, cache.hat), cache


def scaled_backward(
    layer: Layer, parameters: Parameters, cache: Standard, gradient: Array
) -> Backward:
    """Back through the scale, then through the standardisation."""
    g, found = scale_backward(parameters, cache.hat, gradient)
    return (standardise_backward(cache, g),), found


def group(
    layer: GroupNormalization, parameters: Parameters, inputs: Arrays, training: bool
) -> Forward:
    """Sets: each group of channels of a row over all positions (Wu and He 2018, eq. 7)."""
    (x,) = inputs
    groups = x.shape[-1] if layer.groups == -1 else layer.groups
    cache = standardise(x.reshape(x.shape[0], -1, groups, x.shape[-1] // groups), (1, 3),
                        layer.epsilon)  # fmt: skip
    return scale(parameters, cache.hat.reshape(x.shape)), cache


def group_backward(
    layer: GroupNormalization, parameters: Parameters, cache: Standard, gradient: Array
) -> Backward:
    """As `scaled_backward`, on (batch, positions, groups, channels per group)."""
    g, found = scale_backward(parameters, cache.hat.reshape(gradient.shape), gradient)
    along = standardise_backward(cache, g.reshape(cache.hat.shape))
    return (along.reshape(gradient.shape),), found


RULES: dict[type[Layer], Rule] = {
    BatchNormalization: Rule(batch, scaled_backward),
    LayerNormalization: Rule(over_last, scaled_backward),
    GroupNormalization: Rule(group, group_backward),
}
