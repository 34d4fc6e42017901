"""Hypothesis strategies: random legal layers with input shapes, and random legal models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from trimaran.errors import DescriptionError
from trimaran.spec import Input, Layer, Model, Shape, Symbol, functional
from trimaran.spec import layers as L
from trimaran.spec.layer import Illegal
from trimaran.spec.layers.core import ACTIVATIONS
from trimaran.spec.transformer import TransformerDecoderBlock, TransformerEncoderBlock

Draw = Callable[[st.SearchStrategy[Any]], Any]

SMALL = st.integers(1, 3)
PADDINGS = st.sampled_from(["valid", "same", 1, ((1, 0), (0, 2)), (2, 1)])
PADDINGS_1D = st.sampled_from(["valid", "same", "causal", 1, ((0, 2),)])
ENTRYWISE = [name for name in ACTIVATIONS if "softmax" not in name]


def shapes(rank: int, low: int = 3, high: int = 7) -> st.SearchStrategy[Shape]:
    """Channels-last shapes of `rank` spatial axes."""
    return st.tuples(*[st.integers(low, high)] * rank, st.integers(1, 6))


def _convolution(draw: Draw, rank: int) -> Layer:
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    strided = draw(st.booleans())
    sizes = st.tuples(*[SMALL] * rank)
    kind = L.Conv1D if rank == 1 else L.Conv2D
    return kind(
        filters=groups * draw(st.integers(1, 3)),
        kernel_size=draw(sizes),
        strides=draw(sizes) if strided else 1,
        dilation_rate=1 if strided else draw(sizes),
        padding=draw(PADDINGS if rank == 2 else PADDINGS_1D),
        groups=groups,
        use_bias=draw(st.booleans()),
    )


def _depthwise(draw: Draw) -> Layer:
    strides = draw(SMALL)
    return L.DepthwiseConv2D(
        kernel_size=draw(st.tuples(SMALL, SMALL)),
        strides=strides,
        dilation_rate=1 if strides > 1 else draw(SMALL),
        padding=draw(PADDINGS),
        depth_multiplier=draw(SMALL),
        use_bias=draw(st.booleans()),
    )


def _pooling(draw: Draw, kind: type[Any], rank: int) -> Layer:
    sizes = st.tuples(*[SMALL] * rank)
    uneven = ((1, 0), (0, 1)) if rank == 2 else ((0, 1),)
    return kind(
        pool_size=draw(sizes),
        strides=draw(st.none() | sizes),
        padding=draw(st.sampled_from(["valid", "same", 1, uneven])),
    )


def _group(draw: Draw) -> Layer:
    both = draw(st.booleans())
    groups = draw(st.sampled_from([1, 2, 3, -1]))
    return L.GroupNormalization(groups, draw(EPSILON), center=both, scale=both)


EPSILON = st.sampled_from([1e-3, 1e-5, 0.1])
EDGE = st.integers(0, 2)
EDGES = st.tuples(EDGE, EDGE)


def _batch(draw: Draw) -> Layer:
    both = draw(st.booleans())
    momentum = draw(st.sampled_from([0.99, 0.9, 0.0]))
    return L.BatchNormalization(momentum, draw(EPSILON), center=both, scale=both)


def _last(draw: Draw) -> Layer:
    scale = draw(st.booleans())
    return L.LayerNormalization(draw(EPSILON), center=scale and draw(st.booleans()), scale=scale)


def _activation(draw: Draw) -> Layer:
    name = draw(st.sampled_from(list(ACTIVATIONS)))
    own = ACTIVATIONS[name] is not None and draw(st.booleans())
    return L.Activation(name, draw(st.floats(0.05, 2.0)) if own else None)


RECURRENT: tuple[type[Any], ...] = (L.SimpleRNN, L.LSTM, L.GRU)
OVER_TIME = (*RECURRENT, L.MultiHeadAttention, L.PositionEmbedding, L.SinePositionEncoding)
"""Kinds that take (time, features)."""


def _recurrent(draw: Draw, kind: type[Any], **given: Any) -> Layer:
    """Of that kind; `given` overrides what is drawn."""
    drawn = {"return_sequences": draw(st.booleans()), "use_bias": draw(st.integers(0, 3)) > 0}
    if kind is L.SimpleRNN:
        drawn["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    if "units" not in given:  # else something else is as wide
        drawn["bidirectional"] = draw(st.integers(0, 3)) == 0
    return kind(**{"units": draw(st.integers(1, 5)), **drawn, **given})


def _attention(draw: Draw) -> Layer:
    """Of one sequence; `cases` fits the features to heads that share them."""
    rotary = draw(st.integers(0, 3)) == 0
    size = draw(st.sampled_from([2, 4] if rotary else [1, 2, 3]))
    return L.MultiHeadAttention(
        draw(SMALL),
        draw(st.just(size) if rotary else st.none() | st.just(size)),
        use_bias=draw(st.integers(0, 3)) > 0,
        use_causal_mask=draw(st.booleans()),
        rotary=rotary,
    )


RANKS = {"1D": [1], "2D": [2]}
LAYER_RULES: dict[type[Layer], Callable[[Draw], Layer]] = {
    L.Activation: _activation,
    L.AveragePooling1D: lambda draw: _pooling(draw, L.AveragePooling1D, 1),
    L.AveragePooling2D: lambda draw: _pooling(draw, L.AveragePooling2D, 2),
    L.BatchNormalization: _batch,
    L.Conv1D: lambda draw: _convolution(draw, 1),
    L.Conv2D: lambda draw: _convolution(draw, 2),
    L.Cropping1D: lambda draw: L.Cropping1D(draw(EDGES)),
    L.Cropping2D: lambda draw: L.Cropping2D((draw(EDGES), draw(EDGES))),
    L.Dense: lambda draw: L.Dense(draw(st.integers(1, 5)), use_bias=draw(st.booleans())),
    L.DepthwiseConv2D: _depthwise,
    L.Dropout: lambda draw: L.Dropout(draw(st.sampled_from([0.0, 0.25, 0.5]))),
    L.Embedding: lambda draw: L.Embedding(draw(st.integers(1, 6)), draw(st.integers(1, 4))),
    L.Flatten: lambda draw: L.Flatten(),
    L.GRU: lambda draw: _recurrent(draw, L.GRU),
    L.GlobalAveragePooling1D: lambda draw: L.GlobalAveragePooling1D(draw(st.booleans())),
    L.GlobalAveragePooling2D: lambda draw: L.GlobalAveragePooling2D(draw(st.booleans())),
    L.GlobalMaxPooling1D: lambda draw: L.GlobalMaxPooling1D(draw(st.booleans())),
    L.GlobalMaxPooling2D: lambda draw: L.GlobalMaxPooling2D(draw(st.booleans())),
    L.GroupNormalization: _group,
    L.LSTM: lambda draw: _recurrent(draw, L.LSTM),
    L.LayerNormalization: _last,
    L.MaxPooling1D: lambda draw: _pooling(draw, L.MaxPooling1D, 1),
    L.MaxPooling2D: lambda draw: _pooling(draw, L.MaxPooling2D, 2),
    L.MultiHeadAttention: _attention,
    L.PositionEmbedding: lambda draw: L.PositionEmbedding(draw(st.integers(7, 9))),
    L.Reshape: lambda draw: L.Reshape(draw(st.sampled_from([(-1, 2), (2, -1), (-1,), (-1, 1, 2)]))),
    L.SimpleRNN: lambda draw: _recurrent(draw, L.SimpleRNN),
    L.SinePositionEncoding: lambda draw: L.SinePositionEncoding(draw(st.sampled_from([10.0, 1e4]))),
    L.UpSampling1D: lambda draw: L.UpSampling1D(draw(SMALL)),
    L.UpSampling2D: lambda draw: L.UpSampling2D(
        draw(st.tuples(SMALL, SMALL)), draw(st.sampled_from(["nearest", "bilinear"]))
    ),
    L.ZeroPadding1D: lambda draw: L.ZeroPadding1D(draw(EDGES)),
    L.ZeroPadding2D: lambda draw: L.ZeroPadding2D((draw(EDGES), draw(EDGES))),
}
"""Layers of one input; `cases` adds the others."""


@st.composite
def cases(draw: Draw, kind: type[Layer]) -> tuple[Layer, tuple[Shape, ...]]:
    """A legal layer of that kind, with the shapes of its inputs."""
    if kind in (L.Add, L.Multiply, L.Subtract, L.Concatenate):
        return _joining(draw, kind)
    rank = {"1D": 1, "2D": 2}.get(kind.__name__[-2:], draw(st.integers(0, 2)))
    rank = 1 if kind in OVER_TIME else rank
    if kind is L.Permute:
        shape = draw(shapes(rank))
        return L.Permute(tuple(draw(st.permutations(range(1, rank + 2))))), (shape,)
    if kind is L.MaskSteps:
        return L.MaskSteps(), padded(draw, draw(shapes(1)))
    layer, shape = LAYER_RULES[kind](draw), draw(shapes(rank))
    groups = layer.settings().get("groups", 1)
    if groups > 1:
        shape = (*shape[:-1], groups * draw(st.integers(1, 2)))
    given = (shape,)
    if isinstance(layer, L.MultiHeadAttention):
        given = _attended(draw, layer, shape)
    try:
        layer.check(*given)
    except Illegal:
        reject()
    return layer, given


def _attended(draw: Draw, layer: Any, shape: Shape) -> tuple[Shape, ...]:
    """Shapes with features that the heads divide, one in two times with another sequence."""
    shape = (shape[0], layer.num_heads * draw(SMALL))
    other = not layer.rotary and draw(st.booleans())
    return (shape, (draw(st.integers(1, 6)), shape[1])) if other else (shape,)


@st.composite
def stateful_cases(draw: Draw, kind: type[Any]) -> tuple[Layer, tuple[Shape, ...]]:
    """A recurrent layer that begins from given states, gives its last ones, or both, with the
    shapes of its inputs; of one step or several."""
    given, gives = draw(st.sampled_from([(True, True), (True, True), (True, False), (False, True)]))
    layer: Any = _recurrent(draw, kind, return_state=gives)
    states = ((layer.units,),) * layer.states if given else ()
    return layer, (draw(shapes(1, 1, 4)), *states)


def padded(draw: Draw, *shapes: Shape) -> tuple[Shape, ...]:
    """Those inputs, the first a sequence, and their steps: a number for each row, or marks."""
    return (*shapes, draw(st.sampled_from([(), (shapes[0][0],)])))


@st.composite
def padded_cases(draw: Draw, kind: type[Any]) -> tuple[Layer, tuple[Shape, ...]]:
    """A layer that is told which steps hold data, perhaps between states."""
    if kind not in RECURRENT:
        return kind(keepdims=draw(st.booleans()), masked=True), padded(draw, draw(shapes(1)))
    layer: Any = _recurrent(draw, kind, return_state=draw(st.booleans()), masked=True)
    states = ((layer.units,),) * layer.states if draw(st.booleans()) else ()
    return layer, padded(draw, draw(shapes(1, 1, 5)), *states)


MASKED: tuple[type[Any], ...] = (*RECURRENT, L.GlobalAveragePooling1D, L.GlobalMaxPooling1D)


def alone(layer: Layer, shapes: Any) -> Model:
    """A model of that layer; what it gives behind its output are outputs too."""
    kinds = layer.kinds(len(shapes))
    inputs = [
        Input(shape, name=f"x{i}", dtype=kind)
        for i, (shape, kind) in enumerate(zip(shapes, kinds, strict=True))
    ]
    more = shapes[1:]
    made = layer(inputs) if more else layer(inputs[0])
    several = isinstance(made, tuple)
    outputs = {f"y{i}": y for i, y in enumerate(made)} if several else made
    return functional(inputs, outputs, "one")


def _joining(draw: Draw, kind: type[Any]) -> tuple[Layer, tuple[Shape, ...]]:
    shape, number = draw(shapes(draw(st.integers(0, 2)))), draw(st.integers(2, 3))
    if kind is L.Concatenate:
        axis = draw(st.integers(1, len(shape)) | st.integers(-len(shape), -1))
        layer = L.Concatenate(axis)
        at = layer.position(len(shape))
        sizes = [draw(st.integers(1, 3)) for _ in range(number)]
        return layer, tuple((*shape[:at], n, *shape[at + 1 :]) for n in sizes)
    number = 2 if kind is L.Subtract else number
    stretched = st.tuples(*[st.sampled_from([n, n, 1]) for n in shape])
    return kind(), (shape, *(draw(stretched) for _ in range(number - 1)))


# Models ---------------------------------------------------------------------------------------


def _layer_step(draw: Draw, x: Symbol) -> Symbol:
    """One layer that fits the rank."""
    rank = len(x.shape) - 1
    kinds = [L.Dense, L.Activation, L.BatchNormalization, L.LayerNormalization, L.Dropout]
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
        layer = _recurrent(draw, kind, return_sequences=True, units=x.shape[-1])
        return layer(layer(x))
    return _recurrent(draw, kind, return_sequences=True)(x)


def _passed_on(draw: Draw, x: Symbol) -> Symbol:
    """Two recurrent layers, the second of which begins from the last states of the first, as a
    decoder does; and what its own last state says is added to every step."""
    kind, units = draw(st.sampled_from(RECURRENT)), draw(st.integers(1, 4))
    whole, *states = _recurrent(draw, kind, units=units, return_state=True)(x)
    again = draw(st.booleans())
    layer = _recurrent(draw, kind, units=units, return_sequences=True, return_state=again)
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
    return draw(st.sampled_from([L.Dropout(0.5), L.Activation("tanh"), L.Flatten()]))(flat)


def _attention_step(draw: Draw, x: Symbol) -> Symbol:
    """Attention to itself, or to what a convolution made of it, added to it or not."""
    layer: Any = _attention(draw)
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
        layer = _recurrent(draw, kind, units=units, return_sequences=True, return_state=True)
        x, *states = layer(x, initial_state=inputs[1:])
        outputs["state"] = states[-1]
    x = _grown(draw, x, draw(st.integers(1, steps)))
    x = x if len(x.shape) == 2 and draw(st.booleans()) else _narrow(draw, x)
    return functional(inputs, {**_outputs(draw, x), **outputs}, "random")


def _padded_row(draw: Draw, tokens: Symbol) -> Symbol:
    """Padded sentences as one row of numbers each, by layers that leave the padding out."""
    x = L.Embedding(draw(st.integers(2, 9)), draw(st.integers(1, 4)), mask_zero=True)(tokens)
    for _ in range(draw(st.integers(0, 2))):
        x = draw(st.sampled_from([_same, _recurrent_row, _residual_row]))(draw, x, draw(SMALL))
    if draw(st.booleans()):
        pool = draw(st.sampled_from([L.GlobalAveragePooling1D, L.GlobalMaxPooling1D]))
        return pool()(x)
    return _recurrent(draw, draw(st.sampled_from(RECURRENT)), return_sequences=False)(x)


def _recurrent_row(draw: Draw, x: Symbol, units: int) -> Symbol:
    return _recurrent(draw, draw(st.sampled_from(RECURRENT)), return_sequences=True)(x)


def _residual_row(draw: Draw, x: Symbol, units: int) -> Symbol:
    return L.LayerNormalization()(_residual(draw, x))


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
