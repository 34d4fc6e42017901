"""Keras and TensorFlow made to keep float64 where they round to float32 on the way.

Facts: Keras demotes float64 in its promotion rules for JAX; on TensorFlow a Python number is cast
through float32, as is GELU's constant, and images are resized in it.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


def _between(size: int, wanted: int) -> np.ndarray:
    """(wanted, size) weights of linear interpolation between the centres of pixels."""
    at = np.clip((np.arange(wanted) + 0.5) * size / wanted - 0.5, 0, size - 1)
    low = np.floor(at).astype(int)
    weights = np.zeros((wanted, size))
    weights[np.arange(wanted), low] += 1 - (at - low)
    weights[np.arange(wanted), np.minimum(low + 1, size - 1)] += at - low
    return weights


def keep_doubles() -> None:
    """Make this process compute in float64 throughout; before any network is built."""
    keras.config.set_floatx("float64")
    from keras.src.backend.common import dtypes

    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]
    else:
        _exact_numbers()


def _exact_numbers() -> None:
    import tensorflow as tf
    from keras.src.backend import tensorflow as backend

    cast = backend.core.cast

    def exact(x: Any, dtype: Any) -> Any:
        if isinstance(x, int | float) and not isinstance(x, bool):
            return tf.constant(x, backend.core.standardize_dtype(dtype))
        return cast(x, dtype)

    def gelu(x: Any, approximate: bool = False) -> Any:
        assert not approximate
        x = tf.convert_to_tensor(x)
        return x * 0.5 * (1.0 + tf.math.erf(x * 2**-0.5))

    def resize(images: Any, size: Any, interpolation: str = "bilinear", **rest: Any) -> Any:
        if interpolation != "bilinear" or images.dtype != tf.float64:
            return coarse(images, size, interpolation=interpolation, **rest)
        rows, columns = (_between(images.shape[i + 1], size[i]) for i in (0, 1))
        return tf.einsum("ah,nhwc,bw->nabc", tf.constant(rows), images, tf.constant(columns))

    coarse = backend.image.resize
    backend.image.resize = resize
    for module in (backend.core, backend, backend.nn, backend.numpy, backend.math):
        if hasattr(module, "cast"):
            module.cast = exact
    backend.nn.gelu = gelu
