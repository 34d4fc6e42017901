"""mlp in Keras 3, 17,226 parameters.

input (N, 64) -> output (N, 10)

Written by Trimaran from the description b48b8a771873.
"""

import keras
from keras import layers


def build():
    """The network with fresh weights."""
    return keras.Sequential(
        [
            keras.Input((64,), name="input"),
            layers.Dense(128, activation="relu", name="dense1"),
            layers.Dense(64, activation="relu", name="dense2"),
            layers.Dense(10, name="dense3"),
            layers.Activation("softmax", name="softmax1"),
        ],
        name="mlp",
    )
