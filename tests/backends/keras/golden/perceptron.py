"""perceptron in Keras 3, 3 parameters.

input (N, 2) -> output (N, 1)

Written by Trimaran from the description 769c7f550064.
"""

import keras
from keras import layers


def build():
    """The network with fresh weights."""
    return keras.Sequential(
        [
            keras.Input((2,), name="input"),
            layers.Dense(1, name="dense1"),
            layers.Activation("sigmoid", name="sigmoid1"),
        ],
        name="perceptron",
    )
