"""mnist-mlp in Keras 3, 109,386 parameters.

input (N, 28, 28, 1) -> output (N, 10)

Written by Trimaran from the description 396cf60d5dfa.
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
            layers.Dense(64, activation="relu", name="dense2"),
            layers.Dense(10, name="dense3"),
            layers.Activation("softmax", name="softmax1"),
        ],
        name="mnist-mlp",
    )
