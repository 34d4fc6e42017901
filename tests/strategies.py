"""Hypothesis strategies: random legal layers with the shapes of their inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from trimaran.spec import Input, Layer, Model, Shape, functional
from trimaran.spec import layers as L
from trimaran.spec.layer import Illegal
from trimaran.spec.layers.core import ACTIVATIONS

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


def _rescaling(draw: Draw) -> Layer:
    scale = draw(st.sampled_from([1.0, -1.0, 2.0, 1 / 255]) | st.floats(0.05, 2.0))
    return L.Rescaling(scale, draw(st.sampled_from([0.0, 1.0, -1.0, 0.1])))


RECURRENT: tuple[type[Any], ...] = (L.SimpleRNN, L.LSTM, L.GRU)
CELLS: tuple[type[Any], ...] = (L.SimpleRNNCell, L.LSTMCell, L.GRUCell)
OVER_TIME = (L.MultiHeadAttention, L.PositionEmbedding, L.SinePositionEncoding)
"""Kinds that take (time, features), or (rows, time, features)."""


def recurrent(draw: Draw, kind: type[Any], **given: Any) -> Layer:
    """Of that kind; `given` overrides what is drawn."""
    drawn = {"return_sequences": draw(st.booleans()), "use_bias": draw(st.integers(0, 3)) > 0}
    if kind is L.SimpleRNN:
        drawn["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    if "units" not in given:  # else something else is as wide
        drawn["bidirectional"] = draw(st.integers(0, 3)) == 0
    if not given.get("masked"):
        drawn["cell"] = not drawn.get("bidirectional") and draw(st.integers(0, 3)) == 0
    return kind(**{"units": draw(st.integers(1, 5)), **drawn, **given})


def attention(draw: Draw) -> Layer:
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
    L.Embedding: lambda draw: L.Embedding(
        draw(st.integers(2, 6)),
        draw(st.integers(1, 4)),
        padding_index=draw(st.sampled_from([None, 1])),
    ),
    L.Flatten: lambda draw: L.Flatten(),
    L.GRU: lambda draw: recurrent(draw, L.GRU),
    L.GlobalAveragePooling1D: lambda draw: L.GlobalAveragePooling1D(draw(st.booleans())),
    L.GlobalAveragePooling2D: lambda draw: L.GlobalAveragePooling2D(draw(st.booleans())),
    L.GlobalMaxPooling1D: lambda draw: L.GlobalMaxPooling1D(draw(st.booleans())),
    L.GlobalMaxPooling2D: lambda draw: L.GlobalMaxPooling2D(draw(st.booleans())),
    L.GroupNormalization: _group,
    L.LSTM: lambda draw: recurrent(draw, L.LSTM),
    L.LayerNormalization: _last,
    L.MaxPooling1D: lambda draw: _pooling(draw, L.MaxPooling1D, 1),
    L.MaxPooling2D: lambda draw: _pooling(draw, L.MaxPooling2D, 2),
    L.MultiHeadAttention: attention,
    L.OneHot: lambda draw: L.OneHot(draw(st.integers(1, 6))),
    L.PositionEmbedding: lambda draw: L.PositionEmbedding(draw(st.integers(7, 9))),
    L.Rescaling: _rescaling,
    L.Reshape: lambda draw: L.Reshape(draw(st.sampled_from([(-1, 2), (2, -1), (-1,), (-1, 1, 2)]))),
    L.SimpleRNN: lambda draw: recurrent(draw, L.SimpleRNN),
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
    if kind in CELLS:
        return _stepped(draw, kind)
    rank = {"1D": 1, "2D": 2}.get(kind.__name__[-2:], draw(st.integers(0, 2)))
    rank = 1 if kind in RECURRENT else max(rank, 1) if kind in OVER_TIME else rank
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


def _stepped(draw: Draw, kind: type[Any]) -> tuple[Layer, tuple[Shape, ...]]:
    """A cell, with the shapes of a step and its states."""
    own = {"nonlinearity": draw(st.sampled_from(["tanh", "relu"]))} if kind is CELLS[0] else {}
    layer: Any = kind(draw(st.integers(1, 5)), draw(st.integers(0, 3)) > 0, **own)
    return layer, (draw(shapes(0)), *((layer.units,),) * layer.states)


def _attended(draw: Draw, layer: Any, shape: Shape) -> tuple[Shape, ...]:
    """Shapes with features that the heads divide, one in two times with another sequence."""
    shape = (*shape[:-1], layer.num_heads * draw(SMALL))
    if layer.rotary:
        return (shape[-2:],)
    other = len(shape) == 2 and draw(st.booleans())
    return (shape, (draw(st.integers(1, 6)), shape[1])) if other else (shape,)


@st.composite
def stateful_cases(draw: Draw, kind: type[Any]) -> tuple[Layer, tuple[Shape, ...]]:
    """A recurrent layer that begins from given states, gives its last ones, or both, with the
    shapes of its inputs; of one step or several."""
    given, gives = draw(st.sampled_from([(True, True), (True, True), (True, False), (False, True)]))
    layer: Any = recurrent(draw, kind, return_state=gives)
    states = ((layer.units,),) * layer.states if given else ()
    return layer, (draw(shapes(1, 1, 4)), *states)


def padded(draw: Draw, *shapes: Shape) -> tuple[Shape, ...]:
    """Those inputs, the first a sequence, and their steps: a number for each row, or marks."""
    return (*shapes, draw(st.sampled_from([(), (shapes[0][0],)])))


@st.composite
def padded_cases(draw: Draw, kind: type[Any]) -> tuple[Layer, tuple[Shape, ...]]:
    """A layer that is told which steps hold data, perhaps between states, or of two sequences."""
    if kind is L.MultiHeadAttention:
        return _padded_attention(draw)
    if kind not in RECURRENT:
        return kind(keepdims=draw(st.booleans()), masked=True), padded(draw, draw(shapes(1)))
    layer: Any = recurrent(draw, kind, return_state=draw(st.booleans()), masked=True)
    states = ((layer.units,),) * layer.states if draw(st.booleans()) else ()
    return layer, padded(draw, draw(shapes(1, 1, 5)), *states)


def _padded_attention(draw: Draw) -> tuple[Layer, tuple[Shape, ...]]:
    """To itself, or to another sequence; one of the two is padded, or both."""
    layer: Any = attention(draw)
    given = _attended(draw, layer, draw(shapes(1, 1, 5)))
    whose = draw(st.sampled_from([(0,), (1,), (0, 1)])) if len(given) == 2 else (0,)
    told = [padded(draw, given[place])[1] for place in whose]
    return replace(layer, masked=0 in whose, memory_masked=1 in whose), (*given, *told)


MASKED: tuple[type[Any], ...] = (
    *RECURRENT, L.GlobalAveragePooling1D, L.GlobalMaxPooling1D, L.MultiHeadAttention,
)  # fmt: skip


def alone(layer: Layer, shapes: Any) -> Model:
    """A model of that layer; what it gives behind its output are outputs too."""
    kinds = layer.kinds(len(shapes))
    inputs = [
        Input(shape, name=f"x{i}", dtype=kind)
        for i, (shape, kind) in enumerate(zip(shapes, kinds, strict=True))
    ]
    more = shapes[1:]
    made = layer(inputs) if more else layer(inputs[0])
    if isinstance(layer, L.OneHot):  # by itself it has nothing to learn
        made = L.Dense(2)(made)
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
