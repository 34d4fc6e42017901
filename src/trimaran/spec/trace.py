"""Tracing: calling layers on symbolic tensors records a graph with its hierarchy."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from typing import Any, TypeGuard

from trimaran.errors import DescriptionError
from trimaran.spec.blocks import Composite
from trimaran.spec.collecting import Made, collect, reachable
from trimaran.spec.graph import Graph, Port, fault, name_ports, without_input
from trimaran.spec.layer import Layer, Shape, Tensor
from trimaran.spec.layers.core import Activation, Rescaling
from trimaran.spec.layers.merging import Add, Multiply, Subtract
from trimaran.spec.named import Int, Name, recording
from trimaran.spec.naming import call_names
from trimaran.spec.padding import over_padding, steps_of

_order = itertools.count()


@dataclass(frozen=True, eq=False)
class Scope:
    """A block being traced: its path, whether positions name its layers, its calls so far."""

    path: str
    by_position: bool
    calls: list[Made]


_scope: ContextVar[Scope | None] = ContextVar("scope", default=None)


@dataclass(frozen=True, eq=False)
class Symbol(Tensor):
    """A symbolic tensor: a shape without values. `made` is None for an input.

    `valid` says which of its steps hold data, where rows are padded (see `spec.padding`); `root` is
    the tensor that it was before it was told.
    """

    shape: Shape
    dtype: str = "float32"
    made: Made | None = None
    index: int = 0
    name: str | None = None
    valid: Symbol | None = None
    root: Symbol | None = None

    @property
    def channels(self) -> int | None:
        """The size of the last axis."""
        return self.shape[-1]

    def record(self, layer: Layer, tensors: tuple[Any, ...]) -> Any:
        return _call(layer, tensors)

    def __add__(self, other: Symbol | float) -> Symbol:
        return _scaled(self, 1, other) if _number(other) else _joined(Add(), self, other)

    def __sub__(self, other: Symbol | float) -> Symbol:
        return _scaled(self, 1, -other) if _number(other) else _joined(Subtract(), self, other)

    def __mul__(self, other: Symbol | float) -> Symbol:
        return _scaled(self, other) if _number(other) else _joined(Multiply(), self, other)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: float) -> Symbol:
        return _scaled(self, -1, other)

    def __truediv__(self, other: float) -> Symbol:
        if not _number(other):
            return NotImplemented
        return _scaled(self, 1 / other if other else math.inf)

    def __neg__(self) -> Symbol:
        return _scaled(self, -1)


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _joined(layer: Layer, one: Symbol, other: object) -> Symbol:
    return layer([one, other])  # type: ignore[no-any-return]


def _scaled(x: Symbol, scale: float, offset: float = 0.0) -> Symbol:
    return Rescaling(scale, offset)(x)  # type: ignore[no-any-return]


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
    padding = over_padding(layer, symbols, lambda: _path(key, symbols))
    layer, symbols = padding.layer, padding.inputs
    shapes = tuple(symbol.shape for symbol in symbols)
    with recording(None):
        broken = fault(layer, shapes) or _other_kind(layer, symbols)
        if broken:
            raise DescriptionError(f"{_path(key, symbols)} {broken}")
        found = layer.outputs(*shapes)
        inside = (key,) if layer.parameters(*shapes) else ()
    made = _made(Made(key, layer, symbols, next(_order), inside))
    outputs = [Symbol(shape, "float32", made, i) for i, shape in enumerate(found)]
    outputs[0] = replace(outputs[0], valid=padding.valid)
    return outputs[0] if len(outputs) == 1 else tuple(outputs)


def _other_kind(layer: Layer, symbols: tuple[Symbol, ...]) -> str | None:
    """What is wrong with the kind of numbers that the layer is called on."""
    for symbol, wanted in zip(symbols, layer.kinds(len(symbols)), strict=True):
        if symbol.dtype != wanted:
            remedy = 'Input(..., dtype="int32")' if wanted == "int32" else "an Embedding before it"
            kind = f"({type(layer).__name__})"
            return f"{kind}: expected {wanted} numbers, got {symbol.dtype}; use {remedy}."
    return None


def _call_block(block: Composite, symbols: tuple[Symbol, ...]) -> Any:
    steps = [symbol for symbol in steps_of(symbols) if symbol not in symbols]
    with _inside(Scope(_path(block, symbols), block.INLINE, [])) as scope:
        traced = _trace_block(block, symbols, steps)
    graph, given = _without_unread(traced.graph, (*symbols, *steps), len(symbols))
    with recording(None):
        shapes = graph.output_shapes(tuple(symbol.shape for symbol in given))
    inside = tuple(layer for made in scope.calls for layer in made.inside)
    made = _made(Made(block, graph, given, next(_order), inside))
    padded = [steps_outside(symbol, traced.inputs, (*symbols, *steps)) for symbol in traced.outputs]
    outputs = tuple(
        Symbol(shape, "float32", made, i, valid=valid)
        for i, (shape, valid) in enumerate(zip(shapes, padded, strict=True))
    )
    return outputs[0] if isinstance(traced.returned, Symbol) else outputs


def steps_outside(
    symbol: Symbol, inside: Sequence[Symbol], outside: Sequence[Symbol]
) -> Symbol | None:
    """What says which steps of a block's output hold data, as a tensor of the block around it."""
    here = [symbol.valid is port for port in inside]
    return outside[here.index(True)] if True in here else None


def _without_unread(
    graph: Graph, symbols: tuple[Symbol, ...], own: int
) -> tuple[Graph, tuple[Symbol, ...]]:
    """The block without those steps, behind its `own` inputs, that nothing in it reads."""
    for index in reversed(range(own, len(symbols))):
        if not any(index in call.inputs for call in graph.calls):
            graph = without_input(graph, index)
            symbols = (*symbols[:index], *symbols[index + 1 :])
    return graph, symbols


def _made(made: Made) -> Made:
    scope = _scope.get()
    if scope is not None:
        scope.calls.append(made)
    return made


@dataclass(frozen=True, eq=False)
class Traced:
    """A block: its graph, its inputs and outputs inside, and what its `build` returned."""

    graph: Graph
    inputs: tuple[Symbol, ...]
    outputs: list[Symbol]
    returned: Any


def _trace_block(block: Composite, symbols: tuple[Symbol, ...], steps: list[Symbol]) -> Traced:
    names = _port_names(block, len(symbols))
    names += ["steps" if i == 0 else f"steps{i + 1}" for i in range(len(steps))]
    ports = tuple(
        Port(name, symbol.shape, symbol.dtype)
        for name, symbol in zip(names, (*symbols, *steps), strict=True)
    )
    guards: list[str] = []
    inner = block
    if not block.INLINE:
        ports = name_ports(ports)
        inner = _name_fields(block)
    inputs = _inner_inputs(ports, (*symbols, *steps))
    with recording(None if block.INLINE else guards):
        returned = inner.build(*inputs[: len(symbols)])
    with recording(None):
        outputs = _outputs(returned)
        graph = collect(type(block).__name__, ports, inputs, outputs, by_position=block.INLINE)
    arguments = () if block.INLINE else tuple(_integer_fields(block))
    flags = tuple(f.name for f in fields(block) if getattr(block, f.name) is True)
    traced = replace(graph, arguments=arguments, guards=tuple(guards), flags=flags)
    whole = replace(traced, inline=block.INLINE)
    return Traced(whole, inputs, [symbol for _, symbol in outputs], returned)


def _inner_inputs(ports: tuple[Port, ...], given: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    """The tensors that stand for a block's inputs inside it."""
    bare = [Symbol(port.shape, port.dtype, name=port.name) for port in ports]
    place = {id(symbol): i for i, symbol in enumerate(given)}
    valid = [None if s.valid is None else bare[place[id(s.valid)]] for s in given]
    for i, steps in enumerate(valid):
        if steps is not None:
            bare[i] = replace(bare[i], valid=steps)
    return tuple(bare)


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
    before = reachable((), symbols, strict=False) if scope is None else scope.calls
    calls = [*before, Made(key, key, symbols, 0)]
    names = call_names([(made.key, made.op) for made in calls], bool(scope and scope.by_position))
    return f"{scope.path}.{names[-1]}" if scope else names[-1]


__all__ = ["Input", "Symbol", "collect"]
