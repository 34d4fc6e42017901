"""returns-lstm in Keras 3, 5,396 parameters.

input (N, 60, 4) -> output (N, 5, 4)

Written by Trimaran from the description aa60494b0314.
"""

import keras
from keras import layers


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
            keras.Input((60, 4), name="input"),
            layers.LSTM(32, name="lstm"),
            layers.Dropout(0.2, name="dropout1"),
            layers.Dense(
                20, kernel_initializer=torch_uniform(), bias_initializer=torch_bias(32), name="fc"
            ),
            layers.Reshape((5, 4), name="reshape1"),
        ],
        name="returns-lstm",
    )
