"""mnist-cnn-small in Keras 3, 693,962 parameters.

input (N, 28, 28, 1) -> output (N, 10)

Written by Trimaran from the description 6571d90df9d9.
"""

import keras
from keras import layers


def build():
    """The network with fresh weights."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="input"),
            layers.Conv2D(32, 3, activation="relu", name="conv1"),
            layers.MaxPooling2D(2, name="pool1"),
            layers.Flatten(name="flatten1"),
            layers.Dense(128, activation="relu", name="dense1"),
            layers.Dense(10, name="dense2"),
            layers.Activation("softmax", name="softmax1"),
        ],
        name="mnist-cnn-small",
    )
