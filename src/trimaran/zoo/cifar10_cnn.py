"""The CNN of the chapter's §IV, for CIFAR-10."""

from trimaran.spec import Model, Shape, sequential
from trimaran.spec.layers import Conv2D, Dense, Flatten, MaxPooling2D
from trimaran.zoo.parts import head


def cifar10_cnn(input_shape: Shape, classes: int) -> Model:
    """The listing's layers."""
    return sequential(
        [
            Conv2D(32, 3, activation="relu"),
            MaxPooling2D(2),
            Conv2D(64, 3, activation="relu"),
            MaxPooling2D(2),
            Flatten(),
            Dense(128, activation="relu"),
            Dense(classes),
            head(classes),
        ],
        input_shape,
        "cifar10-cnn",
    )
