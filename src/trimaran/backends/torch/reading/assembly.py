"""The tree of calls as the description's nested graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from trimaran.backends.torch.reading.hierarchy import Block, flags, outside, own_name
from trimaran.backends.torch.reading.site import Reading
from trimaran.backends.torch.reading.values import Step
from trimaran.errors import ConversionError, DescriptionError
from trimaran.spec.graph import Call, Graph, Port, name_ports
from trimaran.spec.layer import Layer, Shape
from trimaran.spec.layers import Dropout
from trimaran.spec.model import Model
from trimaran.spec.named import recording
from trimaran.spec.naming import check_name, kind_of


@dataclass
class Draft:
    """A graph while it is put together; `shapes` and `numbers` are of the flat values."""

    path: str
    shapes: dict[int, Shape]
    numbers: dict[int, int]
    taken: set[str]
    layers: dict[str, Layer | Graph] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    dropped: dict[str, Shape] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Assembler:
    """`readers` are the steps that read each value; `returned` the values of the outputs, `tokens`
    those of the inputs that are whole numbers."""

    readers: Mapping[int, frozenset[int]]
    returned: frozenset[int]
    tokens: frozenset[int]
    variants: Mapping[str, frozenset[str]]

    def graph(
        self, block: Block, ports: tuple[Port, ...], values: Sequence[int], results: Sequence[int]
    ) -> Graph:
        """The block's graph: its inputs are `ports` for `values`, its outputs are `results`."""
        names = [own_name(item, block.frame.path) for item in block.items]
        draft = Draft(
            block.frame.path,
            {value: port.shape for value, port in zip(values, ports, strict=True)},
            {value: position for position, value in enumerate(values)},
            {part for name in names if name for part in (name, name.partition(".")[0])},
        )
        for item, name in zip(block.items, names, strict=True):
            if isinstance(item, Block):
                self._block(draft, item, name)
            else:
                _step(draft, item, name)
        outputs = (
            ["output"] if len(results) == 1 else [f"output{i + 1}" for i in range(len(results))]
        )
        own = sorted(set(filter(None, names)) & self.variants.get(block.frame.kind, frozenset()))
        return Graph(
            block.frame.kind, ports, tuple(draft.layers.items()), tuple(draft.calls),
            tuple((name, draft.numbers[v]) for name, v in zip(outputs, results, strict=True)),
            inline=block.inline, flags=tuple(own) if len(own) <= 2 and not block.inline else (),
        )  # fmt: skip

    def _block(self, draft: Draft, block: Block, name: str | None) -> None:
        values = outside(block)
        results = self._results(block)
        shapes = tuple(draft.shapes[value] for value in values)
        kinds = ["int32" if value in self.tokens else "float32" for value in values]
        ports = tuple(
            Port("x" if len(values) == 1 else f"x{i + 1}", shape, kind)
            for i, (shape, kind) in enumerate(zip(shapes, kinds, strict=True))
        )
        if not block.inline:
            ports = name_ports(ports)
        graph = self.graph(block, ports, values, results)
        with recording(None):
            made = graph.output_shapes(shapes)
        chosen = _enter(draft, name, graph, any(step.path for step in block.steps))
        _call(draft, chosen, values, results, made)

    def _results(self, block: Block) -> list[int]:
        """What the block makes for others."""
        inside = {value for step in block.steps for value in step.values}
        return [
            value
            for value in sorted(inside)
            if value in self.returned or self.readers.get(value, frozenset()) - inside
        ]


def _step(draft: Draft, step: Step, name: str | None) -> None:
    shapes = tuple(draft.shapes[value] for value in step.inputs)
    with recording(None):
        made = step.layer.outputs(*shapes)
    chosen = _enter(draft, name, step.layer, bool(step.path and _has_arrays(step)), step.shape)
    _call(draft, chosen, step.inputs, step.values, made)


def _has_arrays(step: Step) -> bool:
    return bool(step.layer.parameters(step.shape))


def _call(
    draft: Draft, name: str, inputs: Sequence[int], results: Sequence[int], shapes: Sequence[Shape]
) -> None:
    draft.calls.append(Call(name, tuple(draft.numbers[value] for value in inputs)))
    for value, shape in zip(results, shapes, strict=True):
        draft.numbers[value] = len(draft.numbers)
        draft.shapes[value] = shape


def _enter(
    draft: Draft, name: str | None, op: Layer | Graph, has_arrays: bool, shape: Shape = ()
) -> str:
    """The name under which the layer stands in the graph: its module's, else kind and ordinal.

    A module that is called again is the same layer; where it has no arrays and does something
    else the second time, it is another.
    """
    if name is None:
        if has_arrays:
            raise ConversionError(
                f"{draft.path or 'the model'}: forward uses the weights of a module that belongs "
                "elsewhere; call that module where it stands."
            )
        name = _ordinal(draft, kind_of(op))
    for candidate in (name, *(f"{name}_{n}" for n in range(2, 1000))):
        if candidate not in draft.layers:
            break
        same = draft.layers[candidate] == op
        if same and (not isinstance(op, Dropout) or draft.dropped[candidate] == shape):
            return candidate
        if has_arrays:
            raise ConversionError(
                f"{_at(draft, candidate)} is called twice and does something else the second "
                "time; what shares weights must be called alike, so use two modules."
            )
    for part in candidate.split("."):
        _hold_name(draft, candidate, part)
    draft.layers[candidate] = op
    draft.taken.add(candidate)
    if isinstance(op, Dropout):
        draft.dropped[candidate] = shape
    return candidate


def _hold_name(draft: Draft, name: str, part: str) -> None:
    heads = {other.partition(".")[0] for other in draft.layers if "." in other}
    if name in heads or ("." in name and name.partition(".")[0] in draft.layers):
        raise ConversionError(
            f"{_at(draft, name)}: forward calls a module as a whole and its parts by themselves; "
            "call it in one way."
        )
    try:
        check_name("module", part, by_position=True)
    except DescriptionError as error:
        raise ConversionError(str(error)) from None


def _at(draft: Draft, name: str) -> str:
    return f"{draft.path}.{name}" if draft.path else name


def _ordinal(draft: Draft, kind: str) -> str:
    while True:
        draft.counts[kind] = draft.counts.get(kind, 0) + 1
        name = f"{kind}{draft.counts[kind]}"
        if name not in draft.taken:
            return name


def assembled(reading: Reading, root: Block) -> Model:
    """The whole as a model, named after the module's class."""
    traced = reading.traced
    readers: dict[int, set[int]] = {}
    for step in root.steps:
        for value in step.inputs:
            readers.setdefault(value, set()).add(step.made)
    results = [reading.values[entry.node].number for entry in traced.outputs]
    maker = Assembler(
        {value: frozenset(found) for value, found in readers.items()},
        frozenset(results),
        frozenset(reading.tokens),
        flags(root),
    )
    ports = tuple(
        Port(entry.name, value.shape, entry.dtype)
        for entry, value in zip(traced.inputs, reading.inputs, strict=True)
    )
    graph = maker.graph(root, ports, [value.number for value in reading.inputs], results)
    names = tuple(entry.name for entry in traced.outputs)
    outputs = tuple((name, value) for name, (_, value) in zip(names, graph.outputs, strict=True))
    return Model(traced.name, replace(graph, outputs=outputs))
