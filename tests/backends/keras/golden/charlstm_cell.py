"""charlstm-cell in Keras 3, 346,433 parameters.

input (N, ?) -> output (N, ?, 65)

Written by Trimaran from the description 736ff1fb028f.
"""

import keras
from keras import layers


@keras.saving.register_keras_serializable("trimaran")
class OneHot(layers.Layer):
    """Each number as a row with a 1 at its place."""

    def __init__(self, depth, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth

    def call(self, x):
        return keras.ops.one_hot(x, self.depth, dtype=self.compute_dtype)

    def compute_output_shape(self, x_shape):
        return (*x_shape, self.depth)

    def get_config(self):
        return {**super().get_config(), "depth": self.depth}


def torch_bias(fan_in):
    """Uniform within 1 / sqrt(fan_in), as torch.nn.Linear draws."""
    return keras.initializers.RandomUniform(-(fan_in**-0.5), fan_in**-0.5)


def torch_uniform():
    """Uniform within 1 / sqrt(fan_in), as torch.nn.Linear draws."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def build():
    """The network with fresh weights."""
    return keras.Sequential(
        [
            keras.Input((None,), name="input", dtype="int32"),
            OneHot(65, name="onehot"),
            layers.LSTM(
                256,
                return_sequences=True,
                kernel_initializer=keras.initializers.RandomNormal(stddev=1.0),
                name="lstm",
            ),
            layers.Dense(
                65, kernel_initializer=torch_uniform(), bias_initializer=torch_bias(256), name="fc"
            ),
            layers.Activation("softmax", name="softmax1"),
        ],
        name="charlstm-cell",
    )
