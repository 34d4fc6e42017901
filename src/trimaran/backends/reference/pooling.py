"""Pooling over windows, and over the whole map."""

from __future__ import annotations

from typing import Any

import numpy as np

from trimaran.backends.reference.arrays import Array, Arrays, Backward, Forward, Parameters, Rule
from trimaran.backends.reference.steps import split_steps, step_mask, unmoved
from trimaran.backends.reference.windows import Windows, windows_of
from trimaran.spec import Layer
from trimaran.spec.layers import (
    AveragePooling1D,
    AveragePooling2D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    MaxPooling1D,
    MaxPooling2D,
)


def maximum(
    layer: MaxPooling1D | MaxPooling2D, parameters: Parameters, inputs: Arrays, training: bool
) -> Forward:
    """y[o] = maxₖ x[o·stride + k] (chapter §IV, P_max); padding counts as minus infinity."""
    (x,) = inputs
    window = windows_of(x, layer.padding, layer.pool_size, layer.strides)
    padded = window.pad(x, -np.inf)
    best = np.full((x.shape[0], *window.sizes, x.shape[-1]), -np.inf)
    chosen = np.zeros(best.shape, dtype=np.int64)
    for number, (_, cut) in enumerate(window.positions()):
        larger = padded[cut] > best  # strictly, so that the first of equals stays
        best, chosen = np.where(larger, padded[cut], best), np.where(larger, number, chosen)
    return best, (padded.shape, window, chosen)


def maximum_backward(
    layer: MaxPooling1D | MaxPooling2D,
    parameters: Parameters,
    cache: tuple[tuple[int, ...], Windows, Array],
    gradient: Array,
) -> Backward:
    """∂L/∂x[i] = Σ δ[o] over the windows o whose first largest entry, in row order, is x[i]."""
    shape, window, chosen = cache
    along = np.zeros(shape)
    for number, (_, cut) in enumerate(window.positions()):
        along[cut] += np.where(chosen == number, gradient, 0.0)
    return (window.crop(along),), {}


def average(
    layer: AveragePooling1D | AveragePooling2D,
    parameters: Parameters,
    inputs: Arrays,
    training: bool,
) -> Forward:
    """y[o] = Σₖ x[o·stride + k] / n[o], where n[o] counts the window's entries inside the map."""
    (x,) = inputs
    window = windows_of(x, layer.padding, layer.pool_size, layer.strides)
    padded, inside = window.pad(x), window.pad(np.ones((1, *x.shape[1:-1], 1)))
    summed = np.zeros((x.shape[0], *window.sizes, x.shape[-1]))
    counted = np.zeros((1, *window.sizes, 1))
    for _, cut in window.positions():
        summed += padded[cut]
        counted += inside[cut]
    return summed / counted, (padded.shape, window, counted)


def average_backward(
    layer: AveragePooling1D | AveragePooling2D,
    parameters: Parameters,
    cache: tuple[tuple[int, ...], Windows, Array],
    gradient: Array,
) -> Backward:
    """∂L/∂x[i] = Σ δ[o] / n[o] over the windows o that hold i."""
    shape, window, counted = cache
    along, share = np.zeros(shape), gradient / counted
    for _, cut in window.positions():
        along[cut] += share
    return (window.crop(along),), {}


def whole_maximum(layer: Any, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    """y = maxᵢ x[i] of each channel."""
    (x,) = inputs
    return _largest(layer, x, np.ones((), dtype=bool))


def _largest(layer: Any, x: Array, mask: Array) -> Forward:
    """The largest entry of each channel where `mask` holds, and where they stand."""
    axes = tuple(range(1, x.ndim - 1))
    best = np.where(mask, x, -np.inf).max(axis=axes, keepdims=True)
    return _shaped(layer, x, best), (x == best) & mask


def whole_maximum_backward(
    layer: Any, parameters: Parameters, cache: Array, gradient: Array
) -> Backward:
    """∂L/∂x[i] = δ / m at each of the m largest entries of a channel, else 0: over a whole map
    every framework shares the gradient of a tie evenly."""
    axes = tuple(range(1, cache.ndim - 1))
    share = cache / cache.sum(axis=axes, keepdims=True)
    return (share * _spread(gradient, cache.shape),), {}


def whole_average(layer: Any, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    """y = Σᵢ x[i] / n of each channel."""
    (x,) = inputs
    flat = x.reshape(x.shape[0], -1, x.shape[-1])
    return _shaped(layer, x, flat.mean(axis=1, keepdims=True)), x.shape


def whole_average_backward(
    layer: Any, parameters: Parameters, cache: tuple[int, ...], gradient: Array
) -> Backward:
    """∂L/∂x[i] = δ / n."""
    share = np.full(cache, 1.0 / np.prod(cache[1:-1]))
    return (share * _spread(gradient, cache),), {}


def steps_maximum(layer: Any, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    """The same over the steps of a sequence that hold data."""
    (x,), steps = split_steps(layer, inputs)
    y, largest = _largest(layer, x, step_mask(x, steps)[..., None])
    return y, (largest, steps)


def steps_maximum_backward(
    layer: Any, parameters: Parameters, cache: Any, gradient: Array
) -> Backward:
    """As over a map; padding gets none."""
    largest, steps = cache
    (delta,), _ = whole_maximum_backward(layer, parameters, largest, gradient)
    return (delta, *unmoved(steps)), {}


def steps_average(layer: Any, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    """y = Σᵢ x[i] / n over the n steps of each row that hold data."""
    (x,), steps = split_steps(layer, inputs)
    mask = step_mask(x, steps)[..., None]
    share = mask / mask.sum(axis=1, keepdims=True)
    return _shaped(layer, x, (x * share).sum(axis=1)), (share, steps)


def steps_average_backward(
    layer: Any, parameters: Parameters, cache: Any, gradient: Array
) -> Backward:
    """∂L/∂x[i] = δ / n where the step holds data."""
    share, steps = cache
    return (share * gradient.reshape(len(share), 1, -1), *unmoved(steps)), {}


def _spread(gradient: Array, shape: tuple[int, ...]) -> Array:
    return gradient.reshape(shape[0], *(1,) * (len(shape) - 2), shape[-1])


def _shaped(layer: Any, x: Array, y: Array) -> Array:
    kept = (1,) * (x.ndim - 2) if layer.keepdims else ()
    return y.reshape(x.shape[0], *kept, x.shape[-1])


_MAXIMUM = Rule(maximum, maximum_backward)
_AVERAGE = Rule(average, average_backward)
_WHOLE_MAXIMUM = Rule(whole_maximum, whole_maximum_backward)
_WHOLE_AVERAGE = Rule(whole_average, whole_average_backward)
_STEPS_MAXIMUM = Rule(steps_maximum, steps_maximum_backward)
_STEPS_AVERAGE = Rule(steps_average, steps_average_backward)
RULES: dict[type[Layer], Rule] = {
    MaxPooling1D: _MAXIMUM,
    MaxPooling2D: _MAXIMUM,
    AveragePooling1D: _AVERAGE,
    AveragePooling2D: _AVERAGE,
    GlobalMaxPooling1D: _STEPS_MAXIMUM,
    GlobalMaxPooling2D: _WHOLE_MAXIMUM,
    GlobalAveragePooling1D: _STEPS_AVERAGE,
    GlobalAveragePooling2D: _WHOLE_AVERAGE,
}
