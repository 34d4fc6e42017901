"""Activation functions of one number and their derivatives, by Keras's names.

Each derivative takes the input x and the output y, whichever makes its formula short. At a kink
the derivative is PyTorch's: that of ReLU at 0 is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimaran.backends.reference.arrays import Array

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946
"""Klambauer et al. 2017, eq. 14."""


@dataclass(frozen=True)
class Function:
    """y = `value`(x, p) and dy/dx = `derivative`(x, y, p); p is the slope or alpha, if any."""

    value: Callable[[Array, Any], Array]
    derivative: Callable[[Array, Array, Any], Array]


def sigmoid(x: Array) -> Array:
    """1 / (1 + e⁻ˣ), without overflow: e⁻ˡᵒᵍ⁽¹⁺ᵉ⁻ˣ⁾."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -x)))


def softplus(x: Array) -> Array:
    """log(1 + eˣ), without overflow."""
    return np.asarray(np.logaddexp(0.0, x))


def erf(x: Array) -> Array:
    """The error function of each entry, as exact as the C library's."""
    return np.asarray(np.frompyfunc(math.erf, 1, 1)(x), dtype=np.float64)


def normal_cdf(x: Array) -> Array:
    """Φ(x) = (1 + erf(x/√2)) / 2."""
    return 0.5 * (1.0 + erf(x / math.sqrt(2.0)))


def normal_pdf(x: Array) -> Array:
    """φ(x) = e^(-x²/2) / √(2π)."""
    return np.asarray(np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi))


def _elu(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def _elu_derivative(x: Array, alpha: float) -> Array:
    return np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0.0)))


def _hard_sigmoid(x: Array) -> Array:
    return np.asarray(np.clip(x + 3.0, 0.0, 6.0) / 6.0)


def _silu_derivative(x: Array, y: Array, p: Any) -> Array:
    s = sigmoid(x)
    return s * (1.0 + x * (1.0 - s))


def _mish_derivative(x: Array, y: Array, p: Any) -> Array:
    t = np.tanh(softplus(x))
    return np.asarray(t + x * (1.0 - t * t) * sigmoid(x))


def _hard_silu_derivative(x: Array, y: Array, p: Any) -> Array:
    return np.where(x <= -3.0, 0.0, np.where(x < 3.0, x / 3.0 + 0.5, 1.0))


FUNCTIONS: dict[str, Function] = {
    # max(0, x); 1 where x > 0, else 0
    "relu": Function(lambda x, p: np.maximum(x, 0.0), lambda x, y, p: np.where(x > 0, 1.0, 0.0)),
    # min(max(0, x), 6); 1 inside (0, 6)
    "relu6": Function(
        lambda x, p: np.clip(x, 0.0, 6.0),
        lambda x, y, p: np.where((x > 0) & (x < 6), 1.0, 0.0),
    ),
    # x or p·x; 1 or p
    "leaky_relu": Function(
        lambda x, p: np.where(x > 0, x, p * x), lambda x, y, p: np.where(x > 0, 1.0, p)
    ),
    # x or p(eˣ - 1); 1 or p·eˣ
    "elu": Function(lambda x, p: _elu(x, p), lambda x, y, p: _elu_derivative(x, p)),
    # λ·elu(x, α); λ·elu'(x, α)
    "selu": Function(
        lambda x, p: SELU_SCALE * _elu(x, SELU_ALPHA),
        lambda x, y, p: SELU_SCALE * _elu_derivative(x, SELU_ALPHA),
    ),
    # x·Φ(x); Φ(x) + x·φ(x)
    "gelu": Function(
        lambda x, p: x * normal_cdf(x), lambda x, y, p: normal_cdf(x) + x * normal_pdf(x)
    ),
    # x·σ(x); σ(x)(1 + x(1 - σ(x)))
    "silu": Function(lambda x, p: x * sigmoid(x), _silu_derivative),
    # x·tanh(s) with s = log(1 + eˣ); tanh(s) + x(1 - tanh²(s))σ(x)
    "mish": Function(lambda x, p: x * np.tanh(softplus(x)), _mish_derivative),
    # σ(x); σ(x)(1 - σ(x))
    "sigmoid": Function(lambda x, p: sigmoid(x), lambda x, y, p: y * (1.0 - y)),
    # relu6(x + 3)/6; 1/6 inside (-3, 3)
    "hard_sigmoid": Function(
        lambda x, p: _hard_sigmoid(x), lambda x, y, p: np.where(np.abs(x) < 3.0, 1.0 / 6.0, 0.0)
    ),
    # x·relu6(x + 3)/6; x/3 + 1/2 inside (-3, 3)
    "hard_silu": Function(lambda x, p: x * _hard_sigmoid(x), _hard_silu_derivative),
    # -log(1 + e⁻ˣ); 1 - σ(x) = σ(-x)
    "log_sigmoid": Function(lambda x, p: -softplus(-x), lambda x, y, p: sigmoid(-x)),
    # tanh(x); 1 - tanh²(x)
    "tanh": Function(lambda x, p: np.tanh(x), lambda x, y, p: 1.0 - y * y),
    # log(1 + eˣ); σ(x)
    "softplus": Function(lambda x, p: softplus(x), lambda x, y, p: sigmoid(x)),
    # x/(1 + |x|); 1/(1 + |x|)²
    "softsign": Function(
        lambda x, p: x / (1.0 + np.abs(x)), lambda x, y, p: 1.0 / (1.0 + np.abs(x)) ** 2
    ),
}
"""Functions that work on each entry alone; a test holds this table to the description's names."""


def log_softmax(z: Array) -> Array:
    """zᵢ - log Σⱼ e^zⱼ over the last axis, shifted by the largest entry against overflow."""
    shifted = z - z.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def softmax(z: Array) -> Array:
    """e^zᵢ / Σⱼ e^zⱼ over the last axis."""
    return np.asarray(np.exp(log_softmax(z)))


def softmax_backward(y: Array, gradient: Array) -> Array:
    """∂L/∂zᵢ = yᵢ (gᵢ - Σⱼ gⱼ yⱼ), from the Jacobian ∂yⱼ/∂zᵢ = yⱼ([i = j] - yᵢ)."""
    return np.asarray(y * (gradient - (gradient * y).sum(axis=-1, keepdims=True)))


def log_softmax_backward(y: Array, gradient: Array) -> Array:
    """∂L/∂zᵢ = gᵢ - e^yᵢ Σⱼ gⱼ."""
    return np.asarray(gradient - np.exp(y) * gradient.sum(axis=-1, keepdims=True))
