"""A hypothesis strategy: random legal models, of layers that `strategies` draws."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st
from tests.strategies import (
    ENTRYWISE,
    LAYER_RULES,
    RECURRENT,
    SMALL,
    Draw,
    attention,
    recurrent,
    shapes,
)

from trimaran.errors import DescriptionError
from trimaran.spec import Input, Layer, Model, Symbol, functional
from trimaran.spec import layers as L
from trimaran.spec.transformer import TransformerDecoderBlock, TransformerEncoderBlock


def _layer_step(draw: Draw, x: Symbol) -> Symbol:
    """One layer that fits the rank."""
    rank = len(x.shape) - 1
    kinds = [
        L.Dense, L.Activation, L.BatchNormalization, L.LayerNormalization, L.Dropout, L.Rescaling,
    ]  # fmt: skip
    spatial: list[type[Layer]] = [[], ONE_AXIS, TWO_AXES][rank]
    kind = draw(st.sampled_from(spatial * 3 + kinds))
    return LAYER_RULES[kind](draw)(x)


ONE_AXIS: list[type[Layer]] = [
    L.Conv1D, L.MaxPooling1D, L.AveragePooling1D, L.UpSampling1D, L.ZeroPadding1D,
    L.GroupNormalization, *RECURRENT,
]  # fmt: skip
TWO_AXES: list[type[Layer]] = [
    L.Conv2D, L.DepthwiseConv2D, L.MaxPooling2D, L.AveragePooling2D, L.UpSampling2D,
    L.ZeroPadding2D, L.Cropping2D, L.GroupNormalization, L.Conv2D,
]  # fmt: skip


def _same(draw: Draw, x: Symbol, channels: int) -> Symbol:
    """A layer that keeps the map's size and gives that many channels."""
    activation = draw(st.none() | st.sampled_from(ENTRYWISE))
    rank = len(x.shape) - 1
    if rank == 0:
        return L.Dense(channels, activation=activation)(x)
    kind = L.Conv1D if rank == 1 else L.Conv2D
    return kind(channels, draw(SMALL), padding="same", activation=activation)(x)


def _residual(draw: Draw, x: Symbol) -> Symbol:
    """x + f(x)."""
    return x + _same(draw, x, x.shape[-1])


def _shared(draw: Draw, x: Symbol) -> Symbol:
    """One layer called twice."""
    layer = L.Dense(x.shape[-1], activation="tanh")
    return L.Add()([layer(layer(x)), x])


def _recurrent_step(draw: Draw, x: Symbol) -> Symbol:
    """A recurrent layer that gives every step, one in four times called twice."""
    kind = draw(st.sampled_from(RECURRENT))
    if draw(st.integers(0, 3)) == 0:
        layer = recurrent(draw, kind, return_sequences=True, units=x.shape[-1])
        return layer(layer(x))
    return recurrent(draw, kind, return_sequences=True)(x)


def _passed_on(draw: Draw, x: Symbol) -> Symbol:
    """Two recurrent layers, the second of which begins from the last states of the first, as a
    decoder does; and what its own last state says is added to every step."""
    kind, units = draw(st.sampled_from(RECURRENT)), draw(st.integers(1, 4))
    whole, *states = recurrent(draw, kind, units=units, return_state=True)(x)
    again = draw(st.booleans())
    layer = recurrent(draw, kind, units=units, return_sequences=True, return_state=again)
    y = layer(x, initial_state=states)
    if again:
        y = y[0] + L.Reshape((1, units))(y[-1])
    return y + whole if len(whole.shape) == 2 else y


def _branches(draw: Draw, x: Symbol) -> Symbol:
    """Two paths, side by side."""
    parts = [_same(draw, x, draw(SMALL)) for _ in range(2)]
    return L.Concatenate()(parts)


def _gate(draw: Draw, x: Symbol) -> Symbol:
    """Channels weighted by what the whole map says (squeeze and excitation)."""
    squeeze = {2: L.GlobalAveragePooling1D, 3: L.GlobalMaxPooling2D}.get(len(x.shape))
    whole = x if squeeze is None else squeeze(keepdims=True)(x)
    return x * L.Dense(x.shape[-1], activation="sigmoid")(whole)


def _narrow(draw: Draw, x: Symbol) -> Symbol:
    """A map as one row of numbers."""
    rank = len(x.shape) - 1
    if rank == 0:
        return x
    pool = L.GlobalAveragePooling1D if rank == 1 else L.GlobalAveragePooling2D
    flat = draw(st.sampled_from([L.Flatten, L.Flatten, pool]))()(x)
    entrywise = [L.Dropout(0.5), L.Activation("tanh"), L.Flatten(), L.Rescaling(-1.0, 0.5)]
    return draw(st.sampled_from(entrywise))(flat)


def _attention_step(draw: Draw, x: Symbol) -> Symbol:
    """Attention to itself, or to what a convolution made of it, added to it or not."""
    layer: Any = attention(draw)
    if layer.key_dim is None:
        layer = replace(layer, num_heads=draw(st.sampled_from([1, x.shape[-1]])))
    other = not layer.rotary and draw(st.booleans())
    y = layer(x, L.Conv1D(x.shape[-1], 2)(x)) if other else layer(x, x)
    return x + y if draw(st.booleans()) else y


def _transformer_step(draw: Draw, x: Symbol) -> Symbol:
    """Positions, and a block of attention and Dense layers."""
    places = draw(st.sampled_from([L.PositionEmbedding(x.shape[0]), L.SinePositionEncoding()]))
    kind = draw(st.sampled_from([TransformerEncoderBlock, TransformerDecoderBlock]))
    rotary = x.shape[-1] % 2 == 0 and draw(st.booleans())
    block: Any = kind(
        1 if rotary else draw(st.sampled_from([1, x.shape[-1]])),
        draw(st.integers(1, 6)),
        draw(st.sampled_from([0.0, 0.25])),
        draw(st.sampled_from(["relu", "gelu"])),
        draw(st.sampled_from(["first", "last"])),
        rotary=rotary,
        attention_dropout=draw(st.sampled_from([0.0, 0.0, 0.25])),
    )
    return block(x) if rotary else block(places(x))


STEPS = [_layer_step, _layer_step, _layer_step, _residual, _branches, _gate, _shared]
ON_SEQUENCES = [_recurrent_step, _passed_on, _attention_step, _transformer_step]
"""Steps that need (time, features)."""


@st.composite
def models(draw: Draw, steps: int = 5) -> Model:
    """A random legal model of one or two inputs and outputs, with branches and residuals.

    Outputs end in softmax, sigmoid or nothing; every size is known. Some have layers over time, and
    some begin with whole numbers that an embedding looks up.
    """
    start = draw(st.sampled_from([0, 1, 2, 2, 2, 2, "tokens", "tokens"]))
    try:
        return _tokens(draw, steps) if start == "tokens" else _model(draw, start, steps)
    except DescriptionError:
        reject()


def _model(draw: Draw, rank: int, steps: int) -> Model:
    first = Input(draw(shapes(rank, 4, 8)), name="first")
    inputs, flat = [first], _narrow(draw, _grown(draw, first, draw(st.integers(1, steps))))
    if draw(st.integers(0, 3)) == 0:
        inputs.append(Input((draw(SMALL),), name="second"))
        flat = L.Concatenate()([L.Dense(2)(flat), L.Dense(2)(inputs[1])])
    return functional(inputs, _outputs(draw, flat), "random")


def _tokens(draw: Draw, steps: int) -> Model:
    """An embedding of whole numbers, words or now and then an image of them, and layers behind it;
    heads on the whole or on every step. States may be inputs and outputs of the model."""
    shape = draw(st.sampled_from([(4,), (5,), (6,), (4, 4)]))
    inputs = [Input(shape, name="tokens", dtype="int32")]
    if len(shape) == 1 and draw(st.integers(0, 2)) == 0:
        return functional(inputs, _outputs(draw, _padded_row(draw, inputs[0])), "random")
    x = L.Embedding(draw(st.integers(2, 9)), draw(st.integers(1, 4)))(inputs[0])
    outputs: dict[str, Symbol] = {}
    if len(shape) == 1 and draw(st.booleans()):
        kind, units = draw(st.sampled_from(RECURRENT)), draw(SMALL)
        inputs += [Input((units,), name=f"state{i}") for i in range(kind.STATES)]
        layer = recurrent(draw, kind, units=units, return_sequences=True, return_state=True)
        x, *states = layer(x, initial_state=inputs[1:])
        outputs["state"] = states[-1]
    x = _grown(draw, x, draw(st.integers(1, steps)))
    x = x if len(x.shape) == 2 and draw(st.booleans()) else _narrow(draw, x)
    return functional(inputs, {**_outputs(draw, x), **outputs}, "random")


def _padded_row(draw: Draw, tokens: Symbol) -> Symbol:
    """Padded sentences as one row of numbers each, by layers that leave the padding out."""
    x = L.Embedding(draw(st.integers(2, 9)), draw(st.integers(1, 4)), mask_zero=True)(tokens)
    for _ in range(draw(st.integers(0, 2))):
        steps = [_same, _recurrent_row, _residual_row, _attention_row, _transformer_row]
        x = draw(st.sampled_from(steps))(draw, x, draw(SMALL))
    if draw(st.booleans()):
        pool = draw(st.sampled_from([L.GlobalAveragePooling1D, L.GlobalMaxPooling1D]))
        return pool()(x)
    return recurrent(draw, draw(st.sampled_from(RECURRENT)), return_sequences=False)(x)


def _recurrent_row(draw: Draw, x: Symbol, units: int) -> Symbol:
    return recurrent(draw, draw(st.sampled_from(RECURRENT)), return_sequences=True)(x)


def _residual_row(draw: Draw, x: Symbol, units: int) -> Symbol:
    return L.LayerNormalization()(_residual(draw, x))


def _attention_row(draw: Draw, x: Symbol, units: int) -> Symbol:
    """Attention to itself or to other features of the same rows, padded both, or to whole rows."""
    layer: Any = replace(attention(draw), num_heads=units, key_dim=2)
    if layer.rotary or draw(st.booleans()):
        return x + layer(x)
    whole = L.Embedding(3, x.shape[-1])(x.valid) if draw(st.booleans()) else None
    return layer(x, L.Dense(x.shape[-1])(x) if whole is None else whole)


def _transformer_row(draw: Draw, x: Symbol, units: int) -> Symbol:
    return _transformer_step(draw, x)


def _grown(draw: Draw, x: Symbol, steps: int) -> Symbol:
    for _ in range(steps):
        x = draw(st.sampled_from(STEPS + ON_SEQUENCES * (len(x.shape) == 2)))(draw, x)
    return x


def _outputs(draw: Draw, x: Symbol) -> dict[str, Symbol]:
    heads = ["softmax", None, "sigmoid"][: draw(st.integers(1, 3))]
    return {f"out{i}": _head(draw, x, head) for i, head in enumerate(heads)}


def _head(draw: Draw, x: Symbol, head: str | None) -> Symbol:
    units = {"softmax": draw(st.integers(2, 4)), "sigmoid": 1, None: 2}[head]
    return L.Dense(units, activation=head)(x)
