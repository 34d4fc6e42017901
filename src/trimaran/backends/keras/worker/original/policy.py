"""The user's networks in the precision of the process, whatever their files say."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
from keras.src import dtype_policies


@contextlib.contextmanager
def own_precision() -> Iterator[None]:
    """While entered, layers and inputs are made in Keras's floatx; a `.keras` file names float32
    in every layer, and a ladder climbs in float64 too. What the code sets globally is set back."""
    policy, get = keras.config.dtype_policy(), dtype_policies.get
    floatx, image = keras.config.floatx(), keras.config.image_data_format()
    begin = keras.layers.InputLayer.__init__

    def _made(
        self: Any, shape: Any = None, batch_size: Any = None, dtype: Any = None, **more: Any
    ) -> None:
        given = dtype if dtype is None or more.get("input_tensor") is not None else floatx
        begin(self, shape, batch_size, given, **more)

    dtype_policies.get = lambda identifier: policy
    keras.layers.InputLayer.__init__ = _made
    try:
        yield
    finally:
        dtype_policies.get = get
        keras.layers.InputLayer.__init__ = begin
        keras.config.set_dtype_policy(policy)
        keras.config.set_floatx(floatx)
        keras.config.set_image_data_format(image)
