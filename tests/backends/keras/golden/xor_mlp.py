"""xor-mlp in Keras 3, 33 parameters.

input (N, 2) -> output (N, 1)

Written by Trimaran from the description 100af9dc17d9.
"""

import keras
from keras import layers


def build():
    """The network with fresh weights."""
    return keras.Sequential(
        [
            keras.Input((2,), name="input"),
            layers.Dense(8, activation="tanh", name="dense1"),
            layers.Dense(1, name="dense2"),
            layers.Activation("sigmoid", name="sigmoid1"),
        ],
        name="xor-mlp",
    )
