"""AlexNet as it won ImageNet (Krizhevsky, Sutskever and Hinton 2012), with its two groups."""

from trimaran.spec import Layer, Model, Sequential, Shape, sequential
from trimaran.spec.initializers import Constant, Normal
from trimaran.spec.layers import Activation, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from trimaran.zoo.parts import head

SMALL = Normal(0.01)
"""Initial weights of the paper's §5; biases start at 1 where it says so."""


def alexnet_2012(input_shape: Shape, classes: int) -> Model:
    """Convolutions 2, 4 and 5 see half of the maps each, as the two GPUs of 2012 did.

    Local response normalization is left out: it has no parameters, and later networks dropped it.
    """
    features: list[Layer] = [
        *_conv(96, 11, bias=0.0, strides=4),
        MaxPooling2D(3, 2),
        *_conv(256, 5, bias=1.0, padding=2, groups=2),
        MaxPooling2D(3, 2),
        *_conv(384, 3, bias=0.0, padding=1),
        *_conv(384, 3, bias=1.0, padding=1, groups=2),
        *_conv(256, 3, bias=1.0, padding=1, groups=2),
        MaxPooling2D(3, 2),
    ]
    classifier: list[Layer] = [
        _dense(4096, bias=1.0),
        Activation("relu"),
        Dropout(0.5),
        _dense(4096, bias=1.0),
        Activation("relu"),
        Dropout(0.5),
        _dense(classes, bias=0.0),
    ]
    return sequential(
        [
            Sequential(features, name="features"),
            Flatten(),
            Sequential(classifier, name="classifier"),
            head(classes),
        ],
        input_shape,
        "alexnet-2012",
    )


def _conv(
    filters: int, kernel: int, bias: float, padding: int = 0, strides: int = 1, groups: int = 1
) -> list[Layer]:
    conv = Conv2D(
        filters,
        kernel,
        strides,
        padding,
        groups=groups,
        kernel_initializer=SMALL,
        bias_initializer=Constant(bias),
    )
    return [conv, Activation("relu")]


def _dense(units: int, bias: float) -> Dense:
    return Dense(units, kernel_initializer=SMALL, bias_initializer=Constant(bias))
