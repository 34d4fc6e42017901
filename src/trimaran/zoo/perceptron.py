"""The perceptron of the chapter's §II: z = wᵀx + b, squashed."""

from trimaran.spec import Model, Shape, sequential
from trimaran.spec.layers import Dense
from trimaran.zoo.parts import flat, head


def perceptron(input_shape: Shape, classes: int) -> Model:
    """One layer of weights; `classes=1` is Rosenblatt's single neuron, with a sigmoid."""
    return sequential(
        [*flat(input_shape), Dense(classes), head(classes)], input_shape, "perceptron"
    )
