"""Keras and TensorFlow made to keep float64 where they round to float32 on the way.

Facts: Keras demotes float64 in its promotion rules for JAX; on TensorFlow a Python number is cast
through float32, and GELU's constant is one.
"""

from __future__ import annotations

from typing import Any

import keras


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

    for module in (backend.core, backend, backend.nn, backend.numpy, backend.math):
        if hasattr(module, "cast"):
            module.cast = exact
    backend.nn.gelu = gelu
