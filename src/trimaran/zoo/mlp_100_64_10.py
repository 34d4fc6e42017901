"""The MLP that the chapter's §VI writes in Keras and in PyTorch: 100-64-10."""

from trimaran.spec import Model, Shape, sequential
from trimaran.spec.layers import Dense
from trimaran.zoo.parts import flat, head


def mlp_100_64_10(input_shape: Shape, classes: int) -> Model:
    """One hidden layer of 64 ReLU units."""
    return sequential(
        [*flat(input_shape), Dense(64, activation="relu"), Dense(classes), head(classes)],
        input_shape,
        "mlp-100-64-10",
    )
