"""The MLP of the chapter's exercise 3: 784-128-10."""

from trimaran.spec import Model, Shape, sequential
from trimaran.spec.layers import Dense
from trimaran.zoo.parts import flat, head


def mnist_mlp_128(input_shape: Shape, classes: int) -> Model:
    """One hidden layer of 128 ReLU units."""
    return sequential(
        [*flat(input_shape), Dense(128, activation="relu"), Dense(classes), head(classes)],
        input_shape,
        "mnist-mlp-128",
    )
