"""mnist-mlp-128 in Keras 3, 101,770 parameters.

input (N, 28, 28, 1) -> output (N, 10)

Written by Trimaran from the description 8c3913486314.
"""

import keras
from keras import layers


def build():
    """The network with fresh weights."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="input"),
            layers.Flatten(name="flatten1"),
            layers.Dense(128, activation="relu", name="dense1"),
            layers.Dense(10, name="dense2"),
            layers.Activation("softmax", name="softmax1"),
        ],
        name="mnist-mlp-128",
    )
