"""text-lstm in Keras 3, 2,691,841 parameters.

input (N, ?) -> output (N, 1)

Written by Trimaran from the description a1b33eb4bece.
"""

import keras
from keras import layers


@keras.saving.register_keras_serializable("trimaran")
class MaskedMaxPooling(layers.Layer):
    """The largest entry of each channel over the steps that hold data."""

    def __init__(self, keepdims=False, **kwargs):
        super().__init__(**kwargs)
        self.keepdims = keepdims

    def call(self, x, mask):
        low = keras.ops.where(mask[..., None], x, -float("inf"))
        return keras.ops.max(low, axis=1, keepdims=self.keepdims)

    def compute_mask(self, inputs, previous=None):
        return None  # no steps are left

    def get_config(self):
        return {**super().get_config(), "keepdims": self.keepdims}


@keras.saving.register_keras_serializable("trimaran")
class StepMask(layers.Layer):
    """Which steps of a sequence hold data, from each row's number of them, or from marks for each
    that are 0 in the padding; a row of padding alone keeps its first step."""

    def call(self, x, steps):
        ops = keras.ops
        count = steps if len(steps.shape) == 1 else ops.sum(ops.cast(steps != 0, "int32"), axis=1)
        order = ops.arange(ops.shape(x)[1], dtype="int32")
        return order < ops.maximum(ops.cast(count, "int32"), 1)[:, None]

    def compute_mask(self, inputs, previous=None):
        return None  # it is a mask, and has none


def build():
    """The network with fresh weights."""
    inputs = keras.Input((None,), name="input", dtype="int32")
    x = layers.Embedding(20000, 128, name="embedding")(inputs)
    x = layers.Dropout(0.5, name="drop1")(x)
    y = StepMask(name="lstm.mask")(x, inputs)
    x = layers.LSTM(128, return_sequences=True, zero_output_for_mask=True, name="lstm")(x, mask=y)
    y = StepMask(name="largest.mask")(x, inputs)
    y = MaskedMaxPooling(name="largest")(x, mask=y)
    z = StepMask(name="mean.mask")(x, inputs)
    x = layers.GlobalAveragePooling1D(name="mean")(x, mask=z)
    x = layers.Concatenate(name="pooled")([y, x])
    x = layers.Dropout(0.5, name="drop2")(x)
    x = layers.Dense(1, name="dense")(x)
    outputs = layers.Activation("sigmoid", name="sigmoid1")(x)
    return keras.Model(inputs, outputs, name="text-lstm")
