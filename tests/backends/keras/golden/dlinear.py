"""dlinear in Keras 3, 64,704 parameters.

input (N, 336, 7) -> output (N, 96, 7)

Written by Trimaran from the description 746c8ce4591d.
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
    z = layers.AveragePooling1D(25, strides=1, padding="same", name="trend")(y)
    y = layers.Subtract(name="subtract2")([y, z])
    z = layers.Permute((2, 1), name="permute1")(z)
    z = layers.Dense(
        96,
        kernel_initializer=torch_uniform(),
        bias_initializer=torch_bias(336),
        name="linear_trend",
    )(z)
    z = layers.Permute((2, 1), name="permute2")(z)
    y = layers.Permute((2, 1), name="permute3")(y)
    y = layers.Dense(
        96, kernel_initializer=torch_uniform(), bias_initializer=torch_bias(336), name="linear_rest"
    )(y)
    y = layers.Permute((2, 1), name="permute4")(y)
    y = layers.Add(name="add1")([z, y])
    outputs = layers.Add(name="add2")([y, x])
    return keras.Model(inputs, outputs, name="dlinear")
