"""What several architectures share."""

from __future__ import annotations

from dataclasses import replace

from trimaran.errors import DescriptionError
from trimaran.spec import Layer, Model, Shape, layers

TORCH = "torch_uniform"
"""The default initializer of torch.nn.Linear and torch.nn.Conv2d, for weight and bias."""


def head(classes: int) -> layers.Activation:
    """Probabilities: softmax over the classes; one output unit is one sigmoid."""
    return layers.Activation("sigmoid" if classes == 1 else "softmax")


def flat(shape: Shape) -> list[Layer]:
    """What turns rows of this shape into vectors: nothing, where they are."""
    return [] if len(shape) == 1 else [layers.Flatten()]


def linear(units: int, name: str | None = None) -> layers.Dense:
    """torch.nn.Linear with its own initial weights."""
    return layers.Dense(units, kernel_initializer=TORCH, bias_initializer=TORCH, name=name)


def without_head(model: Model) -> Model:
    """The model that returns what its last softmax or sigmoid read (logits, or numbers)."""
    graph = model.graph
    name, _ = graph.outputs[0]
    last = graph.calls[-1]
    if list(model.heads) != [name]:
        raise DescriptionError(f"{model.name}: expected a softmax or sigmoid as its last layer.")
    return Model(
        model.name,
        replace(
            graph,
            layers=tuple(item for item in graph.layers if item[0] != last.layer),
            calls=graph.calls[:-1],
            outputs=((name, last.inputs[0]),),
        ),
    )
