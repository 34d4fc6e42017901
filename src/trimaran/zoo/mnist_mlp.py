"""The 3-layer MLP of the chapter's §II: 784-128-64-10."""

from trimaran.spec import Model, Shape, sequential
from trimaran.spec.layers import Dense
from trimaran.zoo.parts import flat, head


def mnist_mlp(input_shape: Shape, classes: int) -> Model:
    """The listing's layers; images are flattened first."""
    return sequential(
        [
            *flat(input_shape),
            Dense(128, activation="relu"),
            Dense(64, activation="relu"),
            Dense(classes),
            head(classes),
        ],
        input_shape,
        "mnist-mlp",
    )
