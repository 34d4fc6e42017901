"""AlexNet in one tower (Krizhevsky 2014, "One weird trick", as in torchvision)."""

from trimaran.spec import Layer, Model, Sequential, Shape, sequential
from trimaran.spec.layers import Activation, Conv2D, Dropout, Flatten, MaxPooling2D
from trimaran.zoo.parts import TORCH, head, linear


def alexnet(input_shape: Shape, classes: int) -> Model:
    """Weights are called as in torchvision (features.0.weight ... classifier.6.bias).

    The smallest image is 63 pixels; at 224 the classifier reads 256 maps of 6x6.
    """
    features: list[Layer] = [
        *_conv(64, 11, padding=2, strides=4),
        MaxPooling2D(3, 2),
        *_conv(192, 5, padding=2),
        MaxPooling2D(3, 2),
        *_conv(384, 3, padding=1),
        *_conv(256, 3, padding=1),
        *_conv(256, 3, padding=1),
        MaxPooling2D(3, 2),
    ]
    classifier: list[Layer] = [
        Dropout(0.5),
        linear(4096),
        Activation("relu"),
        Dropout(0.5),
        linear(4096),
        Activation("relu"),
        linear(classes),
    ]
    return sequential(
        [
            Sequential(features, name="features"),
            Flatten(),
            Sequential(classifier, name="classifier"),
            head(classes),
        ],
        input_shape,
        "alexnet",
    )


def _conv(filters: int, kernel: int, padding: int, strides: int = 1) -> list[Layer]:
    conv = Conv2D(
        filters,
        kernel,
        strides,
        padding,
        kernel_initializer=TORCH,
        bias_initializer=TORCH,
    )
    return [conv, Activation("relu")]
