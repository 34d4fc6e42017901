"""text-lstm-last in Keras 3, 2,691,713 parameters.

input (N, ?) -> output (N, 1)

Written by Trimaran from the description a08b06d0c79a.
"""

import keras
from keras import layers


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
    x = layers.LSTM(128, name="lstm")(x, mask=y)
    x = layers.Dropout(0.5, name="drop2")(x)
    x = layers.Dense(1, name="dense")(x)
    outputs = layers.Activation("sigmoid", name="sigmoid1")(x)
    return keras.Model(inputs, outputs, name="text-lstm-last")
