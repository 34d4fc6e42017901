"""A plain multi-layer perceptron for the rows of a table."""

from trimaran.spec import Model, Shape, sequential
from trimaran.spec.layers import Dense
from trimaran.zoo.parts import flat, head


def mlp(input_shape: Shape, classes: int) -> Model:
    """Two hidden layers of 128 and 64 ReLU units."""
    return sequential(
        [
            *flat(input_shape),
            Dense(128, activation="relu"),
            Dense(64, activation="relu"),
            Dense(classes),
            head(classes),
        ],
        input_shape,
        "mlp",
    )
