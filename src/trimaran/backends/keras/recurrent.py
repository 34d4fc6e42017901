"""Sequences in Keras's words: `layers.Embedding`, and `layers.LSTM` and its like.

A cell that goes over a sequence is `layers.LSTM`, that is `layers.RNN(layers.LSTMCell(...))` in one
call of the framework's own where there is one. A single step is a cell of the source, because
Keras's own nests its states.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trimaran.backends.keras.code import Code, Site, made
from trimaran.backends.keras.initialise import argument
from trimaran.spec import layers as L
from trimaran.spec.initializers import Gates
from trimaran.spec.layer import Layer


def _embedding(layer: L.Embedding, site: Site) -> Code:
    numbers, still = site.numbers, layer.padding_index
    given = (
        numbers.one(layer.input_dim, "input_dim"),
        numbers.one(layer.output_dim, "output_dim"),
        None if still is None else f"padding_index={still}",
        argument("embeddings_initializer", site.parameters(layer)["weight"], "random_uniform"),
    )
    kind = "layers.Embedding" if still is None else "StillEmbedding"
    return Code(kind, tuple(filter(None, given)))


def _one_hot(layer: L.OneHot, site: Site) -> Code:
    return Code("OneHot", (site.numbers.one(layer.depth, "depth"),))


def _arguments(layer: Any, site: Site, more: tuple[str | None, ...] = ()) -> list[str | None]:
    """What a layer and its cell share; `more` stands before the biases and initializers."""
    parameters = {k.removesuffix("_l0"): p for k, p in site.parameters(layer).items()}
    bias = parameters.get("bias_ih")
    forgets = bias is not None and isinstance(bias.initial, Gates)
    lstm = isinstance(layer, L.LSTM | L.LSTMCell) and layer.use_bias and not forgets
    relu = isinstance(layer, L.SimpleRNN | L.SimpleRNNCell) and layer.nonlinearity == "relu"
    return [
        site.numbers.one(layer.units, "units"),
        'activation="relu"' if relu else None,
        *more,
        None if layer.use_bias else "use_bias=False",
        "unit_forget_bias=False" if lstm else None,
        argument("kernel_initializer", parameters["weight_ih"], "glorot_uniform"),
        argument("recurrent_initializer", parameters["weight_hh"], "orthogonal"),
        None if forgets else argument("bias_initializer", bias, "zeros"),
    ]


def _cell(layer: Any, site: Site) -> Code:
    return Code(type(layer).__name__, tuple(a for a in _arguments(layer, site) if a))


def _recurrent(layer: Any, site: Site) -> Code:
    sequences = "return_sequences=True" if layer.return_sequences else None
    state = "return_state=True" if layer.return_state else None
    own = made(
        type(layer).__name__,
        *_arguments(layer, site, (sequences, state)),
        # Keras repeats the last state behind a row's end, unless told to write zeros.
        "zero_output_for_mask=True" if layer.masked and layer.return_sequences else None,
        stateful=len(site.shapes) > 1 + layer.masked,
        masked=layer.masked,
    )
    if not layer.bidirectional:
        return own
    inner = f"{own.kind}({', '.join(own.arguments)})"
    return made("Bidirectional", inner, stateful=own.stateful, masked=own.masked)


def _mask_steps(layer: L.MaskSteps, site: Site) -> Code:
    return Code("MaskSteps", (), masked=True)


RULES: dict[type[Layer], Callable[[Any, Site], Code]] = {
    L.Embedding: _embedding,
    L.MaskSteps: _mask_steps,
    L.OneHot: _one_hot,
    L.SimpleRNNCell: _cell,
    L.LSTMCell: _cell,
    L.GRUCell: _cell,
    L.SimpleRNN: _recurrent,
    L.LSTM: _recurrent,
    L.GRU: _recurrent,
}
