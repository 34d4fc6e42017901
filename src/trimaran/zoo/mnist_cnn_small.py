"""The CNN of the chapter's §III: one convolution."""

from trimaran.spec import Model, Shape, sequential
from trimaran.spec.layers import Conv2D, Dense, Flatten, MaxPooling2D
from trimaran.zoo.parts import head


def mnist_cnn_small(input_shape: Shape, classes: int) -> Model:
    """The listing's layers."""
    return sequential(
        [
            Conv2D(32, 3, activation="relu"),
            MaxPooling2D(2),
            Flatten(),
            Dense(128, activation="relu"),
            Dense(classes),
            head(classes),
        ],
        input_shape,
        "mnist-cnn-small",
    )
