"""Tracing: calling layers on symbolic tensors records a graph with its hierarchy."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from typing import Any

from trimaran.errors import DescriptionError
from trimaran.spec.blocks import Composite
from trimaran.spec.graph import Call, Graph, Port, channel_names, fault, name_channels, width
from trimaran.spec.layer import Layer, Shape, Tensor
from trimaran.spec.layers.core import Activation
from trimaran.spec.layers.merging import Add, Multiply, Subtract
from trimaran.spec.named import Int, Name, plain, recording
from trimaran.spec.naming import call_names

_order = itertools.count()


@dataclass(frozen=True, eq=False)
class Made:
    """How a tensor came to be: the object that was called (its identity), what it became."""

    key: Any
    op: Layer | Graph
    inputs: tuple[Symbol, ...]
    order: int
    inside: tuple[Layer, ...] = ()
    """Every layer object with parameters that the call uses, itself or within."""


@dataclass(frozen=True, eq=False)
class Scope:
    """A block being traced: its path, whether positions name its layers, its calls so far."""

    path: str
    by_position: bool
    calls: list[Made]


_scope: ContextVar[Scope | None] = ContextVar("scope", default=None)


@dataclass(frozen=True, eq=False)
class Symbol(Tensor):
    """A symbolic tensor: a shape without values. `made` is None for an input."""

    shape: Shape
    dtype: str = "float32"
    made: Made | None = None
    index: int = 0
    name: str | None = None

    @property
    def channels(self) -> int | None:
        """The size of the last axis."""
        return self.shape[-1]

    def record(self, layer: Layer, tensors: tuple[Any, ...]) -> Any:
        return _call(layer, tensors)

    def __add__(self, other: Symbol) -> Symbol:
        return Add()([self, other])  # type: ignore[no-any-return]

    def __sub__(self, other: Symbol) -> Symbol:
        return Subtract()([self, other])  # type: ignore[no-any-return]

    def __mul__(self, other: Symbol) -> Symbol:
        return Multiply()([self, other])  # type: ignore[no-any-return]


def Input(  # noqa: N802 (Keras's name)
    shape: Sequence[int | None], name: str | None = None, dtype: str = "float32"
) -> Symbol:
    """An input of the model; `shape` is channels-last and without the batch."""
    return Symbol(tuple(shape), dtype, name=name)


def _call(layer: Layer, symbols: tuple[Symbol, ...]) -> Any:
    _check_number(layer, len(symbols))
    if isinstance(layer, Composite):
        return _call_block(layer, symbols)
    activation = None if isinstance(layer, Activation) else getattr(layer, "activation", None)
    bare = replace(layer, activation=None) if activation else layer  # type: ignore[call-arg]
    made = _call_leaf(layer, bare, symbols)
    if activation in (None, "linear"):
        return made
    function = activation if isinstance(activation, Activation) else Activation(activation)
    return _call_leaf(function, function, (made,))


def _check_number(layer: Layer, given: int) -> None:
    if layer.INPUTS is not None and not isinstance(layer, Composite) and given != layer.INPUTS:
        raise DescriptionError(
            f"{type(layer).__name__}: expected {layer.INPUTS} tensor, got {given}; "
            "join them first, for example with Concatenate()."
        )


def _call_leaf(key: Layer, layer: Layer, symbols: tuple[Symbol, ...]) -> Any:
    shapes = tuple(symbol.shape for symbol in symbols)
    with recording(None):
        broken = fault(layer, shapes) or _other_kind(layer, symbols)
        if broken:
            raise DescriptionError(f"{_path(key, symbols)} {broken}")
        found = layer.outputs(*shapes)
        inside = (key,) if layer.parameters(*shapes) else ()
    made = _made(Made(key, layer, symbols, next(_order), inside))
    outputs = tuple(Symbol(shape, "float32", made, i) for i, shape in enumerate(found))
    return outputs[0] if len(outputs) == 1 else outputs


def _other_kind(layer: Layer, symbols: tuple[Symbol, ...]) -> str | None:
    """What is wrong with the kind of numbers that the layer is called on."""
    for symbol, wanted in zip(symbols, [layer.TAKES, *["float32"] * len(symbols)], strict=False):
        if symbol.dtype != wanted:
            remedy = 'Input(..., dtype="int32")' if wanted == "int32" else "an Embedding before it"
            kind = f"({type(layer).__name__})"
            return f"{kind}: expected {wanted} numbers, got {symbol.dtype}; use {remedy}."
    return None


def _call_block(block: Composite, symbols: tuple[Symbol, ...]) -> Any:
    with _inside(Scope(_path(block, symbols), block.INLINE, [])) as scope:
        graph, returned = _trace_block(block, symbols)
    given = tuple(symbol.shape for symbol in symbols)
    with recording(None):
        shapes = graph.output_shapes(given)
    inside = tuple(layer for made in scope.calls for layer in made.inside)
    made = _made(Made(block, graph, symbols, next(_order), inside))
    outputs = tuple(Symbol(shape, "float32", made, i) for i, shape in enumerate(shapes))
    return outputs[0] if isinstance(returned, Symbol) else outputs


def _made(made: Made) -> Made:
    scope = _scope.get()
    if scope is not None:
        scope.calls.append(made)
    return made


def _trace_block(block: Composite, symbols: tuple[Symbol, ...]) -> tuple[Graph, Any]:
    ports = tuple(
        Port(name, symbol.shape, symbol.dtype)
        for name, symbol in zip(_port_names(block, len(symbols)), symbols, strict=True)
    )
    guards: list[str] = []
    inner = block
    if not block.INLINE:
        names = channel_names(ports)
        ports = tuple(
            replace(port, shape=name_channels(port.shape, name))
            for port, name in zip(ports, names, strict=True)
        )
        inner = _name_fields(block)
    inputs = tuple(Symbol(port.shape, port.dtype, name=port.name) for port in ports)
    with recording(None if block.INLINE else guards):
        returned = inner.build(*inputs)
    with recording(None):
        outputs = _outputs(returned)
        graph = collect(type(block).__name__, ports, inputs, outputs, by_position=block.INLINE)
    arguments = () if block.INLINE else tuple(_integer_fields(block))
    flags = tuple(f.name for f in fields(block) if getattr(block, f.name) is True)
    traced = replace(graph, arguments=arguments, guards=tuple(guards), flags=flags)
    return replace(traced, inline=block.INLINE), returned


def _port_names(block: Composite, number: int) -> list[str]:
    given = [
        p.name
        for p in inspect.signature(block.build).parameters.values()
        if p.kind is not inspect.Parameter.VAR_POSITIONAL
    ]
    if len(given) == number:
        return given
    return ["x"] if number == 1 else [f"x{i + 1}" for i in range(number)]


def _integer_fields(block: Composite) -> Iterator[tuple[str, Any]]:
    for field in fields(block):
        value = getattr(block, field.name)
        if field.name not in ("name", "input_shape") and _integers(value):
            yield field.name, value


def _integers(value: Any) -> bool:
    if isinstance(value, tuple):
        return bool(value) and all(_integers(item) for item in value)
    return isinstance(value, int) and not isinstance(value, bool)


def _name_fields(block: Composite) -> Composite:
    return replace(block, **{field: _named(field, v) for field, v in _integer_fields(block)})


def _named(name: str, value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_named(f"{name}[{i}]", item) for i, item in enumerate(value))
    return Int(int(value), Name(name))


def _outputs(returned: Any) -> list[tuple[str, Symbol]]:
    if isinstance(returned, Symbol):
        return [("output", returned)]
    if isinstance(returned, Mapping):
        return list(returned.items())
    return [(f"output{i + 1}", symbol) for i, symbol in enumerate(returned)]


def collect(
    kind: str,
    ports: tuple[Port, ...],
    inputs: tuple[Symbol, ...],
    outputs: Sequence[tuple[str, Symbol]],
    by_position: bool = False,
) -> Graph:
    """The graph between `inputs` and `outputs`, in the order in which it was written."""
    calls = _reachable(inputs, [symbol for _, symbol in outputs])
    names = call_names([(made.key, made.op) for made in calls], by_position)
    numbers = {(id(symbol), 0): i for i, symbol in enumerate(inputs)}
    layers: dict[str, Layer | Graph] = {}
    arrays: dict[str, Any] = {}
    recorded: list[Call] = []
    _refuse_sharing_across(calls, names)
    for made, name in zip(calls, names, strict=True):
        _agree(name, layers.setdefault(name, _bare(made.op)), _bare(made.op))
        _agree(name, arrays.setdefault(name, _arrays(made)), _arrays(made))
        recorded.append(Call(name, tuple(_number(numbers, symbol) for symbol in made.inputs)))
        for index in range(width(made.op)):
            numbers[(id(made), index)] = len(numbers)
    found = tuple((name, _number(numbers, symbol)) for name, symbol in outputs)
    return Graph(kind, ports, tuple(layers.items()), tuple(recorded), found)


def _refuse_sharing_across(calls: Sequence[Made], names: Sequence[str]) -> None:
    owners: dict[int, str] = {}
    for made, name in zip(calls, names, strict=True):
        for layer in made.inside:
            owner = owners.setdefault(id(layer), name)
            if owner != name:
                raise DescriptionError(
                    f"{name} and {owner} use the same {type(layer).__name__} object, but weights "
                    "can be shared only within one block; make a second layer, or share the block."
                )


def _number(numbers: Mapping[tuple[int, int], int], symbol: Symbol) -> int:
    return numbers[(id(symbol.made), symbol.index) if symbol.made else (id(symbol), 0)]


def _reachable(
    inputs: tuple[Symbol, ...], outputs: Sequence[Symbol], strict: bool = True
) -> list[Made]:
    given = {id(symbol) for symbol in inputs}
    found: dict[int, Made] = {}
    waiting = list(outputs)
    while waiting:
        symbol = waiting.pop()
        if symbol.made is None:
            if strict and id(symbol) not in given:
                raise DescriptionError(
                    f"an output depends on Input{symbol.shape} {symbol.name or ''}, which is not "
                    "among the inputs; list it, or keep a block to the tensors it is given."
                )
        elif id(symbol.made) not in found:
            found[id(symbol.made)] = symbol.made
            waiting += symbol.made.inputs
    return sorted(found.values(), key=lambda made: made.order)


def _bare(op: Layer | Graph) -> Layer | Graph:
    return op if isinstance(op, Graph) else replace(op, name=None, input_shape=None)


def _arrays(made: Made) -> Any:
    """The shapes of the layer's parameters at this call."""
    if isinstance(made.op, Graph):
        return ()
    shapes = tuple(symbol.shape for symbol in made.inputs)
    return [plain(parameter.shape) for parameter in made.op.parameters(*shapes)]


def _agree(name: str, first: object, again: object) -> None:
    if first != again:
        raise DescriptionError(
            f"{name}: the same layer is called on inputs of other sizes, but what is shared needs "
            "equal shapes at each call; make a second one where the weights need not be shared."
        )


@contextmanager
def _inside(scope: Scope) -> Iterator[Scope]:
    token = _scope.set(scope)
    try:
        yield scope
    finally:
        _scope.reset(token)


def _path(key: Layer, symbols: tuple[Symbol, ...]) -> str:
    """The path that a call will have; outside of blocks, as far as its inputs tell."""
    scope = _scope.get()
    before = _reachable((), symbols, strict=False) if scope is None else scope.calls
    calls = [*before, Made(key, key, symbols, 0)]
    names = call_names([(made.key, made.op) for made in calls], bool(scope and scope.by_position))
    return f"{scope.path}.{names[-1]}" if scope else names[-1]


__all__ = ["Input", "Symbol", "collect"]
