"""A traced description: layers, the calls between them, and the hierarchy of blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from trimaran.errors import DescriptionError
from trimaran.spec.layer import Illegal, Layer, Shape
from trimaran.spec.named import Int, Name, plain, recording, substitute

FEATURES = "float32"
"""The dtype of inputs that hold features; others hold numbers that name things."""
DTYPES = (FEATURES, "int32")


@dataclass(frozen=True)
class Port:
    """An input: its name, its shape without the batch, and its dtype."""

    name: str
    shape: Shape
    dtype: str = FEATURES

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise DescriptionError(
                f"{self.name}: expected the dtype float32 of features or int32 of tokens, got "
                f"{self.dtype!r}; use one of these."
            )


@dataclass(frozen=True)
class Call:
    """One use of a layer. Inputs are value numbers (see `Graph`)."""

    layer: str
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class Graph:
    """A block as it was traced.

    Values are numbered: first the inputs, then the outputs of each call in turn. `arguments` are
    the block's integer fields in the words of the block around it, while the numbers inside are
    written in the block's own names. An `inline` graph (Sequential, Repeat) has no names of its
    own: it speaks those of the block around it. `guards` are the questions that the block asked
    about its numbers, with their answers; `flags` are its boolean fields that are true, which name
    the variants of its class.
    """

    kind: str
    inputs: tuple[Port, ...]
    layers: tuple[tuple[str, Layer | Graph], ...]
    calls: tuple[Call, ...]
    outputs: tuple[tuple[str, int], ...]
    arguments: tuple[tuple[str, Any], ...] = ()
    guards: tuple[str, ...] = ()
    inline: bool = False
    flags: tuple[str, ...] = ()

    @cached_property
    def table(self) -> dict[str, Layer | Graph]:
        """Layers by name."""
        return dict(self.layers)

    @cached_property
    def values(self) -> tuple[Shape, ...]:
        """The shape of every value; numbers carry their expressions.

        Raises:
            DescriptionError: a layer meets a shape that it cannot take; the text names the path.
        """
        with recording(None):
            return self._infer("")

    def _infer(self, prefix: str) -> tuple[Shape, ...]:
        shapes = [port.shape for port in self.inputs]
        for call in self.calls:
            given = tuple(shapes[i] for i in call.inputs)
            op = self.table[call.layer]
            if isinstance(op, Graph):
                shapes += op.output_shapes(given, f"{prefix}{call.layer}.")
            else:
                check(f"{prefix}{call.layer}", op, given)
                shapes += op.outputs(*given)
        return tuple(shapes)

    def output_shapes(self, given: tuple[Shape, ...], prefix: str = "") -> list[Shape]:
        """Shapes of the outputs in the words of the block around, for inputs of shapes `given`."""
        inner = self._infer(prefix)
        if self.inline:
            return [inner[value] for _, value in self.outputs]
        outer = self.bindings(given)
        return [
            tuple(size if size is None else substitute(size, outer) for size in inner[value])
            for _, value in self.outputs
        ]

    def bindings(self, given: tuple[Shape, ...]) -> dict[str, int]:
        """What each name of this block means in the block around it."""
        names: dict[str, int] = {}
        for field, value in self.arguments:
            names |= elements(field, value)
        for name, shape in zip(channel_names(self.inputs), given, strict=True):
            if shape and shape[-1] is not None:
                names[name] = shape[-1]
        return names


def without_input(graph: Graph, index: int) -> Graph:
    """The graph without an input that nothing reads."""

    def moved(value: int) -> int:
        return value - (value > index)

    calls = tuple(Call(call.layer, tuple(map(moved, call.inputs))) for call in graph.calls)
    outputs = tuple((name, moved(value)) for name, value in graph.outputs)
    inputs = graph.inputs[:index] + graph.inputs[index + 1 :]
    return replace(graph, inputs=inputs, calls=calls, outputs=outputs)


def width(op: Layer | Graph) -> int:
    """How many values a call of it makes."""
    return len(op.outputs) if isinstance(op, Graph) else op.count_outputs()


def elements(name: str, value: Any) -> dict[str, int]:
    """A number under its name, or a tuple's numbers under `name[0]`, `name[1]` and so on."""
    if not isinstance(value, tuple):
        return {name: value}
    found: dict[str, int] = {}
    for i, item in enumerate(value):
        found |= elements(f"{name}[{i}]", item)
    return found


def channel_names(ports: tuple[Port, ...]) -> list[str]:
    """The names of the inputs' channel counts: in_channels, or one per input where several hold
    features."""
    alone = sum(port.dtype == FEATURES for port in ports) == 1
    return [
        "in_channels" if alone and port.dtype == FEATURES else f"{port.name}_channels"
        for port in ports
    ]


def name_ports(ports: tuple[Port, ...]) -> tuple[Port, ...]:
    """The ports with their channel counts called by name; numbers that name things have none."""
    return tuple(
        replace(port, shape=name_channels(port.shape, name)) if port.dtype == FEATURES else port
        for port, name in zip(ports, channel_names(ports), strict=True)
    )


def check(path: str, layer: Layer, shapes: tuple[Shape, ...]) -> None:
    """Hold the layer's legality rule, telling the path where it breaks."""
    broken = fault(layer, shapes)
    if broken:
        raise DescriptionError(f"{path} {broken}")


def fault(layer: Layer, shapes: tuple[Shape, ...]) -> str | None:
    """What breaks the layer's legality rule on inputs of these shapes, if anything does."""
    try:
        concrete(layer).check(*(plain(shape) for shape in shapes))
    except Illegal as broken:
        return f"({type(layer).__name__}): {broken}."
    return None


def concrete(layer: Layer) -> Layer:
    """The layer with plain integers."""
    named = {k: plain(v) for k, v in layer.settings().items() if _carries_names(v)}
    return replace(layer, **named) if named else layer


def _carries_names(value: Any) -> bool:
    return isinstance(value, Int) or (
        isinstance(value, tuple) and any(_carries_names(item) for item in value)
    )


def name_channels(shape: Shape, name: str) -> Shape:
    """The shape with its channel count called `name`."""
    if not shape or shape[-1] is None:
        return shape
    return (*shape[:-1], Int(int(shape[-1]), Name(name)))


@dataclass(frozen=True)
class Leaf:
    """One call of one layer in the flat model, all numbers plain.

    Values are numbered over the whole model: first its inputs, then those of each leaf: its output,
    and after it as many more as `behind` has shapes (the states of a recurrent layer).
    """

    path: str
    layer: Layer
    inputs: tuple[int, ...]
    output: int
    in_shapes: tuple[Shape, ...]
    out_shape: Shape
    behind: tuple[Shape, ...] = ()


def flatten(graph: Graph) -> tuple[tuple[Leaf, ...], tuple[int, ...]]:
    """The leaves in call order, and the values of the outputs."""
    leaves: list[Leaf] = []
    shapes: list[Shape] = [plain(port.shape) for port in graph.inputs]
    with recording(None):
        outputs = _flatten(graph, "", list(range(len(shapes))), leaves, shapes)
    return tuple(leaves), tuple(outputs)


def _flatten(
    graph: Graph, prefix: str, values: list[int], leaves: list[Leaf], shapes: list[Shape]
) -> list[int]:
    for call in graph.calls:
        op, path = graph.table[call.layer], f"{prefix}{call.layer}"
        inputs = tuple(values[i] for i in call.inputs)
        if isinstance(op, Graph):
            values += _flatten(op, f"{path}.", list(inputs), leaves, shapes)
            continue
        layer = concrete(op)
        given = tuple(shapes[i] for i in inputs)
        check(path, layer, given)
        made, *behind = (plain(shape) for shape in layer.outputs(*given))
        leaves.append(Leaf(path, layer, inputs, len(shapes), given, made, tuple(behind)))
        values += range(len(shapes), len(shapes) + layer.count_outputs())
        shapes += [made, *behind]
    return [values[value] for _, value in graph.outputs]


def walk(graph: Graph, prefix: str = "") -> Iterator[tuple[str, Graph]]:
    """Every block with its path, outermost first."""
    yield prefix, graph
    for name, op in graph.layers:
        if isinstance(op, Graph):
            yield from walk(op, f"{prefix}.{name}" if prefix else name)


def argument_values(graph: Graph) -> Mapping[str, Any]:
    """The block's arguments as plain values."""
    return {name: plain(value) for name, value in graph.arguments}
