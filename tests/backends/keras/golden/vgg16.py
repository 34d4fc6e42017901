"""vgg16 in Keras 3, 138,357,544 parameters.

input (N, 224, 224, 3) -> output (N, 1000)

Written by Trimaran from the description 5a9463041425.
"""

import keras
from keras import layers


def kaiming_normal():
    """Normal with variance 2 / fan_out."""
    return keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")


def build():
    """The network with fresh weights."""
    return keras.Sequential(
        [
            keras.Input((224, 224, 3), name="input"),
            layers.Conv2D(
                64,
                3,
                padding="same",
                kernel_initializer=kaiming_normal(),
                activation="relu",
                name="features.0",
            ),
            layers.Conv2D(
                64,
                3,
                padding="same",
                kernel_initializer=kaiming_normal(),
                activation="relu",
                name="features.2",
            ),
            layers.MaxPooling2D(2, name="features.4"),
            layers.Conv2D(
                128,
                3,
                padding="same",
                kernel_initializer=kaiming_normal(),
                activation="relu",
                name="features.5",
            ),
            layers.Conv2D(
                128,
                3,
                padding="same",
                kernel_initializer=kaiming_normal(),
                activation="relu",
                name="features.7",
            ),
            layers.MaxPooling2D(2, name="features.9"),
            layers.Conv2D(
                256,
                3,
                padding="same",
                kernel_initializer=kaiming_normal(),
                activation="relu",
                name="features.10",
            ),
            layers.Conv2D(
                256,
                3,
                padding="same",
                kernel_initializer=kaiming_normal(),
                activation="relu",
                name="features.12",
            ),
            layers.Conv2D(
                256,
                3,
                padding="same",
                kernel_initializer=kaiming_normal(),
                activation="relu",
                name="features.14",
            ),
            layers.MaxPooling2D(2, name="features.16"),
            layers.Conv2D(
                512,
                3,
                padding="same",
                kernel_initializer=kaiming_normal(),
                activation="relu",
                name="features.17",
            ),
            layers.Conv2D(
                512,
                3,
                padding="same",
                kernel_initializer=kaiming_normal(),
                activation="relu",
                name="features.19",
            ),
            layers.Conv2D(
                512,
                3,
                padding="same",
                kernel_initializer=kaiming_normal(),
                activation="relu",
                name="features.21",
            ),
            layers.MaxPooling2D(2, name="features.23"),
            layers.Conv2D(
                512,
                3,
                padding="same",
                kernel_initializer=kaiming_normal(),
                activation="relu",
                name="features.24",
            ),
            layers.Conv2D(
                512,
                3,
                padding="same",
                kernel_initializer=kaiming_normal(),
                activation="relu",
                name="features.26",
            ),
            layers.Conv2D(
                512,
                3,
                padding="same",
                kernel_initializer=kaiming_normal(),
                activation="relu",
                name="features.28",
            ),
            layers.MaxPooling2D(2, name="features.30"),
            layers.Flatten(name="flatten1"),
            layers.Dense(
                4096,
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
                activation="relu",
                name="classifier.0",
            ),
            layers.Dropout(0.5, name="classifier.2"),
            layers.Dense(
                4096,
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
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
        name="vgg16",
    )
