"""alexnet-2012 in Keras 3, 60,965,224 parameters.

input (N, 227, 227, 3) -> output (N, 1000)

Written by Trimaran from the description 1379265025ad.
"""

import keras
from keras import layers


def build():
    """The network with fresh weights."""
    return keras.Sequential(
        [
            keras.Input((227, 227, 3), name="input"),
            layers.Conv2D(
                96,
                11,
                strides=4,
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
                activation="relu",
                name="features.0",
            ),
            layers.MaxPooling2D(3, strides=2, name="features.2"),
            layers.Conv2D(
                256,
                5,
                padding="same",
                groups=2,
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
                bias_initializer="ones",
                activation="relu",
                name="features.3",
            ),
            layers.MaxPooling2D(3, strides=2, name="features.5"),
            layers.Conv2D(
                384,
                3,
                padding="same",
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
                activation="relu",
                name="features.6",
            ),
            layers.Conv2D(
                384,
                3,
                padding="same",
                groups=2,
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
                bias_initializer="ones",
                activation="relu",
                name="features.8",
            ),
            layers.Conv2D(
                256,
                3,
                padding="same",
                groups=2,
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
                bias_initializer="ones",
                activation="relu",
                name="features.10",
            ),
            layers.MaxPooling2D(3, strides=2, name="features.12"),
            layers.Flatten(name="flatten1"),
            layers.Dense(
                4096,
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
                bias_initializer="ones",
                activation="relu",
                name="classifier.0",
            ),
            layers.Dropout(0.5, name="classifier.2"),
            layers.Dense(
                4096,
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
                bias_initializer="ones",
                activation="relu",
                name="classifier.3",
            ),
            layers.Dropout(0.5, name="classifier.5"),
            layers.Dense(
                1000,
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
                name="classifier.6",
            ),
            layers.Activation("softmax", name="softmax1"),
        ],
        name="alexnet-2012",
    )
