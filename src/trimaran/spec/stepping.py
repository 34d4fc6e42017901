"""A model of sequences as one of single steps: the states between steps are inputs and outputs.

What a recurrent network says of step t needs of all steps before only its states; what causal
attention says needs their keys and values. So text is written a token at a time: each call takes
one token and the states that the call before gave.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from trimaran.errors import DescriptionError
from trimaran.spec.graph import Call, Graph, Port, concrete, width
from trimaran.spec.layer import Layer, Shape
from trimaran.spec.layers import (
    Activation,
    Add,
    BatchNormalization,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    LayerNormalization,
    MultiHeadAttention,
    Multiply,
    OneHot,
    PositionEmbedding,
    Rescaling,
    Subtract,
)
from trimaran.spec.layers.positions import Positions
from trimaran.spec.layers.recurrent import Recurrent
from trimaran.spec.model import Model, sized
from trimaran.spec.named import plain

EACH_STEP = (
    Activation, Add, BatchNormalization, Concatenate, Dense, Dropout, Embedding,
    LayerNormalization, Multiply, OneHot, Rescaling, Subtract,
)  # fmt: skip
"""Layers that do the same to every step, whatever stands before it."""


PLACE = "_at"
"""What the name of a state ends in that counts the steps so far: all of those are equal."""


@dataclass(frozen=True)
class Stepwise:
    """`model` takes one step of each input (length 1) and `states` by their shapes, and gives its
    outputs and, under the same names, the states after the step. All states begin as zeros. The
    weights are those of the model that it was made of.

    A state whose first size is None holds keys or values, a row for each step: it may have room for
    any number of steps, and more rows of zeros may be put behind it between two calls, as long as
    it is not full; then each step takes the place of the oldest. `longest` is how many steps the
    model can take, or None; `placed`, whether something is added to each step for its place from
    the beginning, where attention by itself knows at most how far apart steps are."""

    model: Model
    states: dict[str, Shape]
    longest: int | None = None
    placed: bool = False


def stepwise(model: Model) -> Stepwise:
    """The model a step at a time.

    Raises:
        DescriptionError: a layer needs more of the sequence than its states.
    """
    short = sized(model, {port.name: (1, *port.shape[1:]) for port in model.inputs})
    graph, names = _opened(short.graph, "")
    made = Model(model.name, graph)
    shapes = {port.name: port.shape for port in graph.inputs if port.name in names}
    added = [leaf.layer for leaf in model.leaves if isinstance(leaf.layer, Positions)]
    rows = [int(each.sequence_length) for each in added if isinstance(each, PositionEmbedding)]
    return Stepwise(made, shapes, min(rows, default=None), bool(added))


def _opened(graph: Graph, path: str) -> tuple[Graph, list[str]]:
    """The graph with the states of its layers behind its inputs and outputs, and their names. Its
    numbers are plain, since with other inputs they have other names."""
    graph = replace(graph, inputs=tuple(map(_short, graph.inputs)), arguments=(), guards=())
    found = [_step(graph, call, f"{path}{call.layer}") for call in graph.calls]
    states = [state for _, _, own in found for state in own]
    ports = (*graph.inputs, *(Port(name, shape) for name, shape in states))
    moved: dict[int, int] = {i: i for i in range(len(graph.inputs))}
    layers, calls = dict(graph.layers), list[Call]()
    after: list[int] = []
    value, old, taken = len(ports), len(graph.inputs), len(graph.inputs)
    for call, (op, made, own) in zip(graph.calls, found, strict=True):
        layers[call.layer] = op
        given = tuple(moved[i] for i in call.inputs)
        calls.append(Call(call.layer, (*given, *range(taken, taken + len(own)))))
        moved |= {old + i: value + i for i in range(made)}
        after += range(value + made, value + made + len(own))
        value, old, taken = value + made + len(own), old + made, taken + len(own)
    names = [name for name, _ in states]
    outputs = (
        *((name, moved[v]) for name, v in graph.outputs),
        *zip(names, after, strict=True),
    )
    own_graph = replace(
        graph, inputs=ports, layers=tuple(layers.items()), calls=tuple(calls), outputs=outputs
    )
    return own_graph, names


def _short(port: Port) -> Port:
    """The port for one step."""
    shape = plain(port.shape)
    return replace(port, shape=(1, *shape[1:]) if len(shape) > 1 else shape)


def _step(
    graph: Graph, call: Call, path: str
) -> tuple[Layer | Graph, int, list[tuple[str, Shape]]]:
    """What stands in the call's place, how many values it made before, and the states it adds."""
    op = graph.table[call.layer]
    if isinstance(op, Graph):
        inner, names = _opened(op, f"{path}.")
        if names and _uses(graph, call) > 1:
            raise _refused(path, op.kind, "has states and is called twice")
        shapes = {port.name: port.shape for port in inner.inputs}
        return inner, width(op), [(name, shapes[name]) for name in names]
    op = concrete(op)
    if isinstance(op, Recurrent):
        if op.masked:
            raise _refused(path, op, "reads padded rows")
        if _uses(graph, call) > 1 or len(call.inputs) > 1:
            raise _refused(path, op, "is called twice, or begins from a state of its own")
        if op.bidirectional:
            raise _refused(path, op, "reads the sequence from both ends")
        if not op.return_sequences:
            raise _refused(path, op, "gives only its last step")
        return replace(op, return_state=True), 1, list(_states(op, path))
    if isinstance(op, MultiHeadAttention | Positions):
        return replace(op, cached=True), 1, list(_kept(graph, call, op, path))
    if not isinstance(op, EACH_STEP):
        raise _refused(path, op, "needs more of the sequence than one step")
    return op, 1, []


def _kept(
    graph: Graph, call: Call, op: MultiHeadAttention | Positions, path: str
) -> Iterator[tuple[str, Shape]]:
    if _uses(graph, call) > 1:
        raise _refused(path, op, "is called twice")
    if isinstance(op, MultiHeadAttention) and op.told:
        raise _refused(path, op, "reads padded rows")
    if isinstance(op, MultiHeadAttention) and len(call.inputs) > 1:
        raise _refused(path, op, "attends to another sequence")
    if isinstance(op, MultiHeadAttention) and not op.use_causal_mask:
        raise _refused(path, op, "sees later steps (it has no causal mask)")
    for name, shape in op.kept(plain(graph.values[call.inputs[0]])).items():
        yield f"{path.replace('.', '_')}_{name}", shape


def _states(op: Recurrent, path: str) -> Iterator[tuple[str, Shape]]:
    base = path.replace(".", "_")
    for letter in "hc"[: op.STATES]:
        yield f"{base}_{letter}", (op.units,)


def _uses(graph: Graph, call: Call) -> int:
    """How often the call's layer is called."""
    return [each.layer for each in graph.calls].count(call.layer)


def _refused(path: str, op: Layer | str, why: str) -> DescriptionError:
    kind = op if isinstance(op, str) else type(op).__name__
    return DescriptionError(
        f"{path} ({kind}) {why}, so the model cannot go on a step at a time; generate "
        "with a model whose layers work step by step, such as charlstm."
    )
