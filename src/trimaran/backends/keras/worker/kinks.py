"""One derivative at the kinks of activations, whatever the framework's own choice.

PyTorch, whose meaning the description has, takes the branch for x <= 0 at 0: JAX's leaky ReLU and
TensorFlow's SELU take the other one. A fresh network meets exact zeros (a dropped input, a zero
bias), so the choice shows.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

# The constants of G. Klambauer et al., "Self-normalizing neural networks", 2017, equation 14.
_SCALE, _ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def settle_kinks() -> None:
    """Make this process take PyTorch's branch; before any network is built."""
    if keras.backend.backend() == "jax":
        from keras.src.backend import jax as backend
    else:
        from keras.src.backend import tensorflow as backend
    backend.nn.leaky_relu = leaky_relu
    backend.nn.selu = selu


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where positive, else slope * x."""
    x = ops.convert_to_tensor(x)
    return ops.where(x > 0, x, x * negative_slope)


def selu(x: Any) -> Any:
    """scale * x where positive, else scale * alpha * (e^x - 1)."""
    x = ops.convert_to_tensor(x)
    below = ops.expm1(ops.where(x > 0, ops.zeros_like(x), x))
    return ops.where(x > 0, x * _SCALE, below * (_SCALE * _ALPHA))
