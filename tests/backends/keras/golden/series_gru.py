"""series-gru in Keras 3, 57,696 parameters.

input (N, 336, 7) -> output (N, 96, 7)

Written by Trimaran from the description 24118510e70f.
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
    inputs = keras.Input((336, 7), name="input")
    x = layers.Cropping1D((335, 0), name="last")(inputs)
    y = layers.Subtract(name="subtract1")([inputs, x])
    y = layers.GRU(64, name="gru")(y)
    y = layers.Dropout(0.2, name="dropout1")(y)
    y = layers.Dense(
        672, kernel_initializer=torch_uniform(), bias_initializer=torch_bias(64), name="fc"
    )(y)
    y = layers.Reshape((96, 7), name="reshape1")(y)
    outputs = layers.Add(name="add1")([y, x])
    return keras.Model(inputs, outputs, name="series-gru")
