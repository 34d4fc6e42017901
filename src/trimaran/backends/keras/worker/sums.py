"""Sums of tensors that are no biases, on TensorFlow.

Fact: Keras (3.15.1) takes a second summand of one axis longer than 1 for a bias wherever that axis
is as long as the first one's second or last, and adds it along those: with three rows, (3, 3, 6) +
(3, 1, 1) is not what broadcasting says. Random models found it. A bias proper, whose only long axis
is its last, keeps the kernel that TensorFlow joins with the product before it.
"""

from __future__ import annotations

from typing import Any

import keras


def settle_sums() -> None:
    """Make this process broadcast; before any network is built."""
    if keras.backend.backend() == "tensorflow":
        from keras.src.backend import tensorflow as backend

        backend.numpy.add = _broadcasting(backend.numpy.add)


def _broadcasting(own: Any) -> Any:
    import tensorflow as tf

    def add(x1: Any, x2: Any) -> Any:
        alike = getattr(x1, "dtype", None) == getattr(x2, "dtype", "")
        shapes = getattr(x1, "shape", None), getattr(x2, "shape", None)
        if not alike or None in shapes or _is_bias(*map(tuple, shapes)):  # type: ignore[arg-type]
            return own(x1, x2)
        return tf.add(tf.convert_to_tensor(x1), tf.convert_to_tensor(x2))

    return add


def _is_bias(x: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    """Whether b is one number for each channel, the last axis, of x."""
    return bool(x and b) and b[-1] == x[-1] and all(size == 1 for size in b[:-1])
