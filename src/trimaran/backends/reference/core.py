"""Dense, activations, rescaling and dropout."""

from __future__ import annotations

from trimaran.backends.reference.activations import (
    FUNCTIONS,
    log_softmax,
    log_softmax_backward,
    softmax,
    softmax_backward,
)
from trimaran.backends.reference.arrays import (
    Array,
    Arrays,
    Backward,
    Forward,
    Parameters,
    Rule,
    rows,
    total,
)
from trimaran.spec import Layer
from trimaran.spec.layers import Activation, Dense, Dropout, Rescaling


def dense(layer: Dense, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    """z = x Wᵀ + b over the last axis."""
    (x,) = inputs
    z = x @ parameters["weight"].T
    return (z + parameters["bias"] if layer.use_bias else z), x


def dense_backward(layer: Dense, parameters: Parameters, cache: Array, gradient: Array) -> Backward:
    """∂L/∂x = δ W;  ∂L/∂W = Σ δᵀ x (the chapter's δ·aᵀ, over all rows);  ∂L/∂b = Σ δ."""
    found = {"weight": rows(gradient).T @ rows(cache)}
    if layer.use_bias:
        found["bias"] = total(gradient)
    return (gradient @ parameters["weight"],), found


def activation(
    layer: Activation, parameters: Parameters, inputs: Arrays, training: bool
) -> Forward:
    """a = f(z); softmax and log_softmax over the last axis."""
    (x,) = inputs
    if layer.activation == "softmax":
        y = softmax(x)
    elif layer.activation == "log_softmax":
        y = log_softmax(x)
    else:
        y = FUNCTIONS[layer.activation].value(x, layer.parameter)
    return y, (x, y)


def activation_backward(
    layer: Activation, parameters: Parameters, cache: Arrays, gradient: Array
) -> Backward:
    """∂L/∂z = δ ⊙ f'(z); for the softmaxes δ times their Jacobian."""
    x, y = cache
    if layer.activation == "softmax":
        return (softmax_backward(y, gradient),), {}
    if layer.activation == "log_softmax":
        return (log_softmax_backward(y, gradient),), {}
    return (gradient * FUNCTIONS[layer.activation].derivative(x, y, layer.parameter),), {}


def rescaling(layer: Rescaling, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    """y = s x + o."""
    (x,) = inputs
    return layer.scale * x + layer.offset, None


def rescaling_backward(
    layer: Rescaling, parameters: Parameters, cache: None, gradient: Array
) -> Backward:
    """∂L/∂x = s δ."""
    return (layer.scale * gradient,), {}


def dropout(layer: Dropout, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    """y = x ⊙ m / (1 - rate) with the mask m of 0 and 1 given as parameter `mask`; without one,
    or in evaluation, y = x: the reference draws no random numbers."""
    (x,) = inputs
    mask = parameters.get("mask") if training else None
    scale = None if mask is None else mask / (1.0 - layer.rate)
    return (x if scale is None else x * scale), scale


def dropout_backward(
    layer: Dropout, parameters: Parameters, cache: Array | None, gradient: Array
) -> Backward:
    """∂L/∂x = δ ⊙ m / (1 - rate)."""
    return (gradient if cache is None else gradient * cache,), {}


RULES: dict[type[Layer], Rule] = {
    Dense: Rule(dense, dense_backward),
    Activation: Rule(activation, activation_backward),
    Dropout: Rule(dropout, dropout_backward),
    Rescaling: Rule(rescaling, rescaling_backward),
}
