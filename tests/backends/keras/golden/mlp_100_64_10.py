"""mlp-100-64-10 in Keras 3, 7,114 parameters.

input (N, 100) -> output (N, 10)

Written by Trimaran from the description 3a6914b3a71e.
"""

import keras
from keras import layers


def build():
    """The network with fresh weights."""
    return keras.Sequential(
        [
            keras.Input((100,), name="input"),
            layers.Dense(64, activation="relu", name="dense1"),
            layers.Dense(10, name="dense2"),
            layers.Activation("softmax", name="softmax1"),
        ],
        name="mlp-100-64-10",
    )
