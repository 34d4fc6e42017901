"""Layers that join several tensors."""

from __future__ import annotations

from functools import reduce

import numpy as np

from trimaran.backends.reference.arrays import Array, Arrays, Backward, Forward, Parameters, Rule
from trimaran.spec import Layer
from trimaran.spec.layers import Add, Concatenate, Multiply, Subtract


def add(layer: Add, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    """y = Σᵢ xᵢ; axes of size 1 stretch."""
    return reduce(np.add, inputs), tuple(x.shape for x in inputs)


def add_backward(
    layer: Add, parameters: Parameters, cache: tuple[tuple[int, ...], ...], gradient: Array
) -> Backward:
    """∂L/∂xᵢ = δ, summed over the axes along which xᵢ was stretched."""
    return tuple(shrink(gradient, shape) for shape in cache), {}


def multiply(layer: Multiply, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    """y = Πᵢ xᵢ; axes of size 1 stretch."""
    return reduce(np.multiply, inputs), inputs


def multiply_backward(
    layer: Multiply, parameters: Parameters, cache: Arrays, gradient: Array
) -> Backward:
    """∂L/∂xᵢ = δ Π_{j≠i} xⱼ, summed over the axes along which xᵢ was stretched."""
    others = (cache[:i] + cache[i + 1 :] for i in range(len(cache)))
    return tuple(
        shrink(reduce(np.multiply, rest, gradient), x.shape)
        for x, rest in zip(cache, others, strict=True)
    ), {}


def subtract(layer: Subtract, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    """y = x₁ - x₂; axes of size 1 stretch."""
    one, two = inputs
    return one - two, (one.shape, two.shape)


def subtract_backward(
    layer: Subtract, parameters: Parameters, cache: tuple[tuple[int, ...], ...], gradient: Array
) -> Backward:
    """∂L/∂x₁ = δ and ∂L/∂x₂ = -δ, summed over the axes along which each was stretched."""
    one, two = cache
    return (shrink(gradient, one), shrink(-gradient, two)), {}


def shrink(gradient: Array, shape: tuple[int, ...]) -> Array:
    """The sum over the axes where `shape` has 1 and the gradient has more."""
    stretched = tuple(i for i, n in enumerate(shape) if n == 1 and gradient.shape[i] != 1)
    return np.asarray(gradient.sum(axis=stretched, keepdims=True)) if stretched else gradient


def concatenate(
    layer: Concatenate, parameters: Parameters, inputs: Arrays, training: bool
) -> Forward:
    """One after another along the axis."""
    axis = 1 + layer.position(inputs[0].ndim - 1)
    return np.concatenate(inputs, axis=axis), tuple(x.shape[axis] for x in inputs)


def concatenate_backward(
    layer: Concatenate, parameters: Parameters, cache: tuple[int, ...], gradient: Array
) -> Backward:
    """δ cut where the inputs meet."""
    axis = 1 + layer.position(gradient.ndim - 1)
    return tuple(np.split(gradient, np.cumsum(cache[:-1]), axis=axis)), {}


RULES: dict[type[Layer], Rule] = {
    Add: Rule(add, add_backward),
    Multiply: Rule(multiply, multiply_backward),
    Subtract: Rule(subtract, subtract_backward),
    Concatenate: Rule(concatenate, concatenate_backward),
}
