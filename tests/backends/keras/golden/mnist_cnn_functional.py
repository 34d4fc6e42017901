"""mnist-cnn in Keras 3, 225,034 parameters.

input (N, 28, 28, 1) -> output (N, 10)

Written by Trimaran from the description 528d39475cf0.
"""

import keras
from keras import layers


def build():
    """The network with fresh weights."""
    inputs = keras.Input((28, 28, 1), name="input")
    x = layers.Conv2D(32, 3, activation="relu", name="conv1")(inputs)
    x = layers.MaxPooling2D(2, name="pool1")(x)
    x = layers.Conv2D(64, 3, activation="relu", name="conv2")(x)
    x = layers.MaxPooling2D(2, name="pool2")(x)
    x = layers.Flatten(name="flatten1")(x)
    x = layers.Dense(128, activation="relu", name="dense1")(x)
    x = layers.Dense(10, name="dense2")(x)
    outputs = layers.Activation("softmax", name="softmax1")(x)
    return keras.Model(inputs, outputs, name="mnist-cnn")
