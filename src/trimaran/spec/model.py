"""A model: a name and a graph, and everything that can be computed from them alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from trimaran.errors import DescriptionError
from trimaran.spec.graph import Graph, Leaf, Port, flatten
from trimaran.spec.layer import Layer, Parameter, Shape, count
from trimaran.spec.layers.core import Activation
from trimaran.spec.named import plain
from trimaran.spec.naming import check_name
from trimaran.spec.trace import Input, Symbol, collect


@dataclass(frozen=True)
class Model:
    """A description. Every shape is channels-last and without the batch."""

    name: str
    graph: Graph

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The inputs in the order in which the built network takes them."""
        return self.graph.inputs

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """Every call of a layer, blocks opened, in call order."""
        return flatten(self.graph)[0]

    @cached_property
    def outputs(self) -> tuple[tuple[str, int], ...]:
        """Name and value number (see `Leaf`) of each output."""
        values = flatten(self.graph)[1]
        return tuple((name, v) for (name, _), v in zip(self.graph.outputs, values, strict=True))

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape of every value: the inputs, then what each leaf gives."""
        return tuple(plain(p.shape) for p in self.inputs) + tuple(
            shape for leaf in self.leaves for shape in (leaf.out_shape, *leaf.behind)
        )

    def output_shape(self, name: str) -> Shape:
        """The shape of the output of that name."""
        return self.shapes[dict(self.outputs)[name]]

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """Every array by its key in `model.safetensors`, in the order of PyTorch's state dict."""
        found: dict[str, Parameter] = {}
        for leaf in self.leaves:
            for parameter in leaf.layer.parameters(*leaf.in_shapes):
                found.setdefault(f"{leaf.path}.{parameter.name}", parameter)
        return found

    @property
    def size(self) -> int:
        """Number of trainable parameters: the figure that papers give."""
        return sum(p.size for p in self.parameters.values() if p.trainable)

    @property
    def flops(self) -> int:
        """Floating-point operations of the forward pass of one row (a multiply-add counts 2)."""
        return sum(leaf.layer.flops(*leaf.in_shapes) for leaf in self.leaves)

    @property
    def activation_bytes(self) -> int:
        """Bytes of all layers' outputs for one row in float32, as training keeps them."""
        return 4 * sum(count(leaf.out_shape) for leaf in self.leaves)

    @cached_property
    def heads(self) -> dict[str, str]:
        """Output name → "softmax" or "sigmoid", where that is its last layer and nothing else
        reads the logits, outside of any block: training peels these off and works on the
        logits."""
        used = [value for leaf in self.leaves for value in leaf.inputs]
        used += [value for _, value in self.outputs]
        by_value = {leaf.output: leaf for leaf in self.leaves}
        heads: dict[str, str] = {}
        for name, value in self.outputs:
            last = by_value.get(value)
            if last is None or not isinstance(last.layer, Activation):
                continue
            function = last.layer.activation
            alone = used.count(value) == 1 and used.count(last.inputs[0]) == 1
            if function in ("softmax", "sigmoid") and alone and "." not in last.path:
                heads[name] = function
        return heads


def sized(model: Model, shapes: Mapping[str, Shape]) -> Model:
    """The model for inputs of these shapes, which its own leave open: its costs are theirs."""
    ports = tuple(
        replace(port, shape=tuple(shapes.get(port.name, port.shape))) for port in model.inputs
    )
    return Model(model.name, replace(model.graph, inputs=ports))


def fits(shape: Shape, given: Sequence[int | None]) -> bool:
    """Whether rows of the shape `given` can enter a port of this shape: None takes any size."""
    pairs = zip(shape, given, strict=False)
    return len(shape) == len(given) and all(own in (None, size) for own, size in pairs)


def functional(
    inputs: Symbol | Sequence[Symbol] | Mapping[str, Symbol],
    outputs: Symbol | Sequence[Symbol] | Mapping[str, Symbol],
    name: str = "model",
) -> Model:
    """The model between symbolic inputs and outputs, with names where they are given."""
    given = _named(inputs, "input")
    found = _named(outputs, "output")
    for what, pairs in (("input", given), ("output", found)):
        for key, _ in pairs:
            check_name(what, key)
    _refuse_padded(found)
    ports = tuple(Port(key, symbol.shape, symbol.dtype) for key, symbol in given)
    graph = collect(camel(name), ports, tuple(symbol for _, symbol in given), found)
    graph.values  # noqa: B018 (holds every legality rule once, with full paths)
    return Model(name, graph)


def _refuse_padded(outputs: list[tuple[str, Symbol]]) -> None:
    """A loss would count the padding's steps."""
    for name, symbol in outputs:
        if symbol.valid is not None:
            raise DescriptionError(
                f"{name}: expected an output for each row, got one for each step of a padded "
                "sequence; end it with its last state (return_sequences=False) or a global pooling."
            )


def sequential(
    layers: Sequence[Layer | Symbol], input_shape: Shape | None = None, name: str = "model"
) -> Model:
    """A plain chain. The input's shape comes from an `Input` in front, from the first layer's
    `input_shape`, or from `input_shape`."""
    items = list(layers)
    start = items.pop(0) if items and isinstance(items[0], Symbol) else None
    if start is None:
        first = items[0] if items else None
        shape = input_shape or (first.input_shape if isinstance(first, Layer) else None)
        if shape is None:
            raise DescriptionError(
                f"{name}: the input's shape is unknown; give the first layer input_shape=(...) or "
                "put Input(shape) in front."
            )
        start = Input(shape, dtype=first.TAKES if isinstance(first, Layer) else "float32")
    assert isinstance(start, Symbol)
    x = start
    for layer in items:
        if isinstance(layer, Symbol):
            raise DescriptionError(f"{name}: an Input can only stand first in a Sequential.")
        x = layer(x)
    return functional(start, x, name)


def _named(given: object, role: str) -> list[tuple[str, Symbol]]:
    if isinstance(given, Symbol):
        return [(given.name or role, given)]
    if isinstance(given, Mapping):
        return list(given.items())
    symbols = list(given)  # type: ignore[call-overload]
    if len(symbols) == 1:
        return _named(symbols[0], role)
    names = [symbol.name or _maker(symbol) or f"{role}{i + 1}" for i, symbol in enumerate(symbols)]
    if len(set(names)) != len(names):
        names = [f"{role}{i + 1}" for i in range(len(symbols))]
    return list(zip(names, symbols, strict=True))


def _maker(symbol: Symbol) -> str | None:
    """The explicit name of the layer that made an output (or fed its activation)."""
    made = symbol.made
    if made is None:
        return None
    before = made.inputs[0].made
    if made.key.name is None and isinstance(made.op, Activation) and before is not None:
        return str(before.key.name) if before.key.name else None
    return str(made.key.name) if made.key.name else None


def camel(name: str) -> str:
    """mnist-cnn → MnistCnn, fit for a class; a leading digit gets a Net before it."""
    words = re.findall(r"[A-Za-z0-9]+", name)
    text = "".join(word[:1].upper() + word[1:] for word in words) or "Model"
    return f"Net{text}" if text[0].isdigit() else text
