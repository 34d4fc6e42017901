"""Convolutions, which are cross-correlations: chapter §IV's Σₘ Σₙ I(i + m, j + n) K(m, n)."""

from __future__ import annotations

from typing import Any

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
from trimaran.backends.reference.windows import Windows, windows_of
from trimaran.spec import Layer
from trimaran.spec.layers import Conv1D, Conv2D, DepthwiseConv2D


def groups_of(layer: Conv1D | Conv2D | DepthwiseConv2D, channels: int) -> int:
    """A depthwise convolution is one with a group per channel."""
    return channels if isinstance(layer, DepthwiseConv2D) else layer.groups


def split(x: Array, groups: int) -> Array:
    """(batch, *spatial, g·c) → (g, rows, c)."""
    return x.reshape(-1, groups, x.shape[-1] // groups).swapaxes(0, 1)


def join(x: Array, shape: tuple[int, ...]) -> Array:
    """(g, rows, c) → (*shape, g·c)."""
    return x.swapaxes(0, 1).reshape(*shape, -1)


def kernels(weight: Array, k: tuple[int, ...], groups: int) -> Array:
    """The matrices (g, filters/g, channels/g) of PyTorch's weight at kernel position k."""
    matrix = np.asarray(weight[_at(k)])
    return matrix.reshape(groups, -1, matrix.shape[-1])


def _at(k: tuple[int, ...]) -> tuple[slice | int, ...]:
    return (slice(None), slice(None), *k)


def convolution(
    layer: Conv1D | Conv2D | DepthwiseConv2D,
    parameters: Parameters,
    inputs: Arrays,
    training: bool,
) -> Forward:
    """y[o] = b + Σₖ x[o·stride + k·dilation] K[k]ᵀ, each group of channels on its own."""
    (x,) = inputs
    weight, groups = parameters["weight"], groups_of(layer, x.shape[-1])
    window = windows_of(x, layer.padding, layer.kernel_size, layer.strides, layer.dilation_rate)
    padded, lead = window.pad(x), (x.shape[0], *window.sizes)
    y = np.zeros((*lead, weight.shape[0]))
    for k, cut in window.positions():
        seen = split(padded[cut], groups)
        y += join(seen @ kernels(weight, k, groups).swapaxes(1, 2), lead)
    if layer.use_bias:
        y += parameters["bias"]
    return y, (padded, window)


def convolution_backward(
    layer: Conv1D | Conv2D | DepthwiseConv2D,
    parameters: Parameters,
    cache: tuple[Array, Windows],
    gradient: Array,
) -> Backward:
    """∂L/∂K[k] = Σₒ δ[o]ᵀ x[o·stride + k·dilation];  ∂L/∂b = Σₒ δ[o];
    ∂L/∂x[i] = Σ δ[o] K[k] over all o and k with i = o·stride + k·dilation."""
    padded, window = cache
    weight, groups = parameters["weight"], groups_of(layer, padded.shape[-1])
    along, delta = np.zeros_like(padded), split(gradient, groups)
    by_weight = np.zeros_like(weight)
    for k, cut in window.positions():
        at_k = delta.swapaxes(1, 2) @ split(padded[cut], groups)
        by_weight[_at(k)] = at_k.reshape(weight.shape[:2])
        along[cut] += join(delta @ kernels(weight, k, groups), gradient.shape[:-1])
    found: dict[str, Any] = {"weight": by_weight}
    if layer.use_bias:
        found["bias"] = total(gradient)
    return (window.crop(along),), found


_RULE = Rule(convolution, convolution_backward)
RULES: dict[type[Layer], Rule] = {Conv1D: _RULE, Conv2D: _RULE, DepthwiseConv2D: _RULE}
