"""alexnet in Keras 3, 61,100,840 parameters.

input (N, 224, 224, 3) -> output (N, 1000)

Written by Trimaran from the description ce8935b955c4.
"""

import keras
from keras import layers


def torch_bias(fan_in):
    """Uniform within 1 / sqrt(fan_in), as torch.nn.Linear draws."""
    return keras.initializers.RandomUniform(-(fan_in**-0.5), fan_in**-0.5)


def torch_uniform():
    """Uniform within 1 / sqrt(fan_in), as torch.nn.Linear draws."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def build():
    """The network with fresh weights."""
    return keras.Sequential(
        [
            keras.Input((224, 224, 3), name="input"),
            layers.ZeroPadding2D(2, name="features.0.pad"),
            layers.Conv2D(
                64,
                11,
                strides=4,
                kernel_initializer=torch_uniform(),
                bias_initializer=torch_bias(363),
                activation="relu",
                name="features.0",
            ),
            layers.MaxPooling2D(3, strides=2, name="features.2"),
            layers.Conv2D(
                192,
                5,
                padding="same",
                kernel_initializer=torch_uniform(),
                bias_initializer=torch_bias(1600),
                activation="relu",
                name="features.3",
            ),
            layers.MaxPooling2D(3, strides=2, name="features.5"),
            layers.Conv2D(
                384,
                3,
                padding="same",
                kernel_initializer=torch_uniform(),
                bias_initializer=torch_bias(1728),
                activation="relu",
                name="features.6",
            ),
            layers.Conv2D(
                256,
                3,
                padding="same",
                kernel_initializer=torch_uniform(),
                bias_initializer=torch_bias(3456),
                activation="relu",
                name="features.8",
            ),
            layers.Conv2D(
                256,
                3,
                padding="same",
                kernel_initializer=torch_uniform(),
                bias_initializer=torch_bias(2304),
                activation="relu",
                name="features.10",
            ),
            layers.MaxPooling2D(3, strides=2, name="features.12"),
            layers.Flatten(name="flatten1"),
            layers.Dropout(0.5, name="classifier.0"),
            layers.Dense(
                4096,
                kernel_initializer=torch_uniform(),
                bias_initializer=torch_bias(9216),
                activation="relu",
                name="classifier.1",
            ),
            layers.Dropout(0.5, name="classifier.3"),
            layers.Dense(
                4096,
                kernel_initializer=torch_uniform(),
                bias_initializer=torch_bias(4096),
                activation="relu",
                name="classifier.4",
            ),
            layers.Dense(
                1000,
                kernel_initializer=torch_uniform(),
                bias_initializer=torch_bias(4096),
                name="classifier.6",
            ),
            layers.Activation("softmax", name="softmax1"),
        ],
        name="alexnet",
    )
