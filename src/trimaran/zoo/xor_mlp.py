"""The smallest network that learns XOR, which no perceptron can."""

from trimaran.spec import Model, Shape, sequential
from trimaran.spec.layers import Dense
from trimaran.zoo.parts import flat, head


def xor_mlp(input_shape: Shape, classes: int) -> Model:
    """2-8-1 with tanh; two hidden units suffice, eight make almost every start succeed."""
    return sequential(
        [*flat(input_shape), Dense(8, activation="tanh"), Dense(classes), head(classes)],
        input_shape,
        "xor-mlp",
    )
