"""LeNet-5 (LeCun, Bottou, Bengio and Haffner 1998, figure 2)."""

from trimaran.spec import Model, Shape, sequential
from trimaran.spec.layers import AveragePooling2D, Conv2D, Dense, Flatten
from trimaran.zoo.parts import head


def lenet5(input_shape: Shape, classes: int) -> Model:
    """Its modern reading: C3 fully connected, plain average pooling, tanh, softmax at the end.

    Images smaller than 32 pixels (MNIST's 28) are padded by 2, as the paper's were.
    """
    padding = 2 if (input_shape[0] or 0) < 32 else 0
    return sequential(
        [
            Conv2D(6, 5, padding=padding, activation="tanh"),  # C1
            AveragePooling2D(2),  # S2
            Conv2D(16, 5, activation="tanh"),  # C3
            AveragePooling2D(2),  # S4
            Flatten(),
            Dense(120, activation="tanh"),  # C5
            Dense(84, activation="tanh"),  # F6
            Dense(classes),
            head(classes),
        ],
        input_shape,
        "lenet5",
    )
