"""What several architectures share."""

from __future__ import annotations

from dataclasses import replace

from trimaran.errors import DescriptionError
from trimaran.spec import Layer, Model, Shape, Symbol, layers

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


def own_columns(x: Symbol, columns: int) -> Symbol:
    """The first channels, which are to be told."""
    if x.shape[-1] == columns:
        return x
    turned = layers.Permute((2, 1))(x)
    kept: Symbol = layers.Permute((2, 1))(
        layers.Cropping1D((0, int(x.shape[-1] or 0) - columns))(turned)
    )
    return kept


def side_by_side(parts: list[Symbol]) -> Symbol:
    """Channels of one after those of the other."""
    if len(parts) == 1:
        return parts[0]
    joined: Symbol = layers.Concatenate()(parts)
    return joined


def window_sizes(name: str, input_shape: Shape, columns: int) -> tuple[int, int]:
    """Length and channels of a forecaster's window.

    Raises:
        DescriptionError: it is no window, or has fewer channels than columns to tell.
    """
    if len(input_shape) != 2 or (input_shape[-1] or 0) < columns:
        raise DescriptionError(
            f"{name}: expected a window (length, channels) with at least the {columns} column(s) "
            f"to tell, got input_shape={input_shape}; use it for series (task=forecast)."
        )
    return int(input_shape[0] or 0), int(input_shape[1] or 0)
