"""lenet5 in Keras 3, 61,706 parameters.

input (N, 28, 28, 1) -> output (N, 10)

Written by Trimaran from the description f6a56695d205.
"""

import keras
from keras import layers


def build():
    """The network with fresh weights."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="input"),
            layers.Conv2D(6, 5, padding="same", activation="tanh", name="conv1"),
            layers.AveragePooling2D(2, name="pool1"),
            layers.Conv2D(16, 5, activation="tanh", name="conv2"),
            layers.AveragePooling2D(2, name="pool2"),
            layers.Flatten(name="flatten1"),
            layers.Dense(120, activation="tanh", name="dense1"),
            layers.Dense(84, activation="tanh", name="dense2"),
            layers.Dense(10, name="dense3"),
            layers.Activation("softmax", name="softmax1"),
        ],
        name="lenet5",
    )
