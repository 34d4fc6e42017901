"""VGG-16 (Simonyan and Zisserman 2014, table 1, column D)."""

from trimaran.spec import Layer, Model, Sequential, Shape, sequential
from trimaran.spec.initializers import Normal
from trimaran.spec.layers import Activation, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from trimaran.zoo.parts import head

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Filters and convolutions of each stage; a max-pooling ends it."""


def vgg16(input_shape: Shape, classes: int) -> Model:
    """Weights are called as in torchvision (features.0.weight ... classifier.6.bias).

    The smallest image is 32 pixels; at 224 the classifier reads 512 maps of 7x7.
    """
    features: list[Layer] = []
    for filters, convolutions in STAGES:
        for _ in range(convolutions):
            features += [_conv(filters), Activation("relu")]
        features.append(MaxPooling2D(2))
    classifier: list[Layer] = [
        _dense(4096),
        Activation("relu"),
        Dropout(0.5),
        _dense(4096),
        Activation("relu"),
        Dropout(0.5),
        _dense(classes),
    ]
    return sequential(
        [
            Sequential(features, name="features"),
            Flatten(),
            Sequential(classifier, name="classifier"),
            head(classes),
        ],
        input_shape,
        "vgg16",
    )


def _conv(filters: int) -> Conv2D:
    return Conv2D(filters, 3, padding=1, kernel_initializer="kaiming_normal_fan_out")


def _dense(units: int) -> Dense:
    return Dense(units, kernel_initializer=Normal(0.01))
