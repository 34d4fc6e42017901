"""From the tensors that calls made to the graph between inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trimaran.errors import DescriptionError
from trimaran.spec.graph import Call, Graph, Port, width
from trimaran.spec.layer import Layer
from trimaran.spec.named import plain
from trimaran.spec.naming import call_names

if TYPE_CHECKING:
    from trimaran.spec.trace import Symbol


@dataclass(frozen=True, eq=False)
class Made:
    """How a tensor came to be: the object that was called (its identity), what it became."""

    key: Any
    op: Layer | Graph
    inputs: tuple[Symbol, ...]
    order: int
    inside: tuple[Layer, ...] = ()
    """Every layer object with parameters that the call uses, itself or within."""


def collect(
    kind: str,
    ports: tuple[Port, ...],
    inputs: tuple[Symbol, ...],
    outputs: Sequence[tuple[str, Symbol]],
    by_position: bool = False,
) -> Graph:
    """The graph between `inputs` and `outputs`, in the order in which it was written."""
    calls = reachable(inputs, [symbol for _, symbol in outputs])
    names = call_names([(made.key, made.op) for made in calls], by_position)
    numbers = {(id(_root(symbol)), 0): i for i, symbol in enumerate(inputs)}
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
    return numbers[(id(symbol.made), symbol.index) if symbol.made else (id(_root(symbol)), 0)]


def _root(symbol: Symbol) -> Symbol:
    """The input itself, whatever was said of its steps since."""
    return symbol.root or symbol


def reachable(
    inputs: tuple[Symbol, ...], outputs: Sequence[Symbol], strict: bool = True
) -> list[Made]:
    """The calls that the outputs depend on, in the order in which they were made."""
    given = {id(_root(symbol)) for symbol in inputs}
    found: dict[int, Made] = {}
    waiting = list(outputs)
    while waiting:
        symbol = waiting.pop()
        if symbol.made is None:
            if strict and id(_root(symbol)) not in given:
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
    kinds = ("masked", "memory_masked")
    masked = [[getattr(each, kind, None) for kind in kinds] for each in (first, again)]
    if masked[0] != masked[1]:
        raise DescriptionError(
            f"{name}: the same layer is called once on padded rows and once on others; pad both, "
            "or make a second layer."
        )
    if first != again:
        raise DescriptionError(
            f"{name}: the same layer is called on inputs of other sizes, but what is shared needs "
            "equal shapes at each call; make a second one where the weights need not be shared."
        )


__all__ = ["Made", "collect", "reachable"]
