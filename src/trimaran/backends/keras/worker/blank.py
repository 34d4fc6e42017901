"""Networks built without drawing weights: a description's weights come from outside.

Keras draws every weight when a layer is built, and JAX compiles a program for each new shape to do
so: seconds for a network whose numbers are thrown away at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

_I = keras.initializers
_EMPTY = (_I.RandomNormal, _I.RandomUniform, _I.TruncatedNormal, _I.VarianceScaling, _I.Zeros)


@contextlib.contextmanager
def undrawn() -> Iterator[None]:
    """While entered, initializers give zeros (and ones where all is one), and compute nothing."""
    fills: dict[Any, Callable[..., np.ndarray]] = {**dict.fromkeys(_EMPTY, _zeros), _I.Ones: _ones}
    own = {kind: kind.__call__ for kind in fills}
    for kind, fill in fills.items():
        kind.__call__ = fill
    try:
        yield
    finally:
        for kind, drawn in own.items():
            kind.__call__ = drawn


def _zeros(self: Any, shape: Any, dtype: Any = None) -> np.ndarray:
    return np.zeros(shape, dtype or keras.config.floatx())


def _ones(self: Any, shape: Any, dtype: Any = None) -> np.ndarray:
    return np.ones(shape, dtype or keras.config.floatx())
