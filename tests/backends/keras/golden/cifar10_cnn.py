"""cifar10-cnn in Keras 3, 315,722 parameters.

input (N, 32, 32, 3) -> output (N, 10)

Written by Trimaran from the description 8f5b0fb78535.
"""

import keras
from keras import layers


def build():
    """The network with fresh weights."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3), name="input"),
            layers.Conv2D(32, 3, activation="relu", name="conv1"),
            layers.MaxPooling2D(2, name="pool1"),
            layers.Conv2D(64, 3, activation="relu", name="conv2"),
            layers.MaxPooling2D(2, name="pool2"),
            layers.Flatten(name="flatten1"),
            layers.Dense(128, activation="relu", name="dense1"),
            layers.Dense(10, name="dense2"),
            layers.Activation("softmax", name="softmax1"),
        ],
        name="cifar10-cnn",
    )
