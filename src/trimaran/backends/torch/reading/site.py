"""What a rule sees of the operation that it translates, and how it adds layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from trimaran.backends.torch.reading.nodes import Key, Node, Ref, Traced
from trimaran.backends.torch.reading.values import Axes, States, Step, Value, channels_first
from trimaran.spec import layers as L
from trimaran.spec.graph import fault
from trimaran.spec.layer import Layer, Shape


@dataclass
class Reading:
    """The description so far: the value of each node, and the steps that made them.

    `explicit` names the nodes that flatten in an order which is written out; see `shaping`.
    """

    traced: Traced
    explicit: frozenset[str]
    values: dict[str, Value] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    inputs: list[Value] = field(default_factory=list)
    flattened: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Number of a flattened value -> (node, the order that it must have)."""
    tokens: set[int] = field(default_factory=set)
    """Numbers of the inputs that hold whole numbers."""
    states: dict[str, States | None] = field(default_factory=dict)
    """Of nodes that are states of recurrent layers; None are zeros."""
    parts: dict[str, tuple[Value | States | None, ...]] = field(default_factory=dict)
    """What a recurrent layer's node gives: every step, h, c."""
    lasts: dict[str, Value] = field(default_factory=dict)
    """Of nodes that are a sequence of a recurrent layer: its last step."""
    ends: dict[tuple[int, ...], Value] = field(default_factory=dict)
    """Of the last states of both ways: their layer's output, which is the two side by side."""

    def new(self, shape: Sequence[int], axes: Axes) -> Value:
        """A value with the next number."""
        made = sum(len(step.values) for step in self.steps)
        return Value(len(self.inputs) + made, tuple(shape), axes)


@dataclass(frozen=True)
class Site:
    """One operation. Its rule reads arguments and tensors here, and adds layers."""

    reading: Reading
    node: Node

    def __getitem__(self, argument: str) -> Any:
        return self.node.arguments[argument]

    def refuse(self, why: str, remedy: str) -> NoReturn:
        """Raise the error that names this operation."""
        self.node.refuse(why, remedy)

    def require(self, holds: bool, why: str, remedy: str) -> None:
        """Refuse unless it holds."""
        if not holds:
            self.refuse(why, remedy)

    # Tensors ----------------------------------------------------------------------------------

    def x(self, argument: str = "") -> Value:
        """The value of a tensor argument, by default the first."""
        given = self[argument] if argument else next(iter(self.node.arguments.values()))
        return self.value(given)

    def value(self, given: Any, tokens: bool = False, anywhere: bool = False) -> Value:
        """The value of a tensor that the operation takes; `tokens` says that it looks whole numbers
        up, `anywhere` that the rows need not stand first."""
        if isinstance(given, Key):
            what = f"the parameter or buffer {given.text!r}" if given.text else "a constant tensor"
            remedy = BARE.get(self.node.op, "leave it out, or use a layer of torch.nn that has it")
            self.refuse(f"it computes with {what} as no layer does", remedy)
        if not isinstance(given, Ref):
            self.refuse(
                "it computes with what is no tensor, such as the size of the batch",
                "give it tensors that layers made, or Python numbers",
            )
        found = self.reading.values.get(given.name)
        if given.name in self.reading.states:
            self.refuse("it takes the states of all ways and layers at once", "take h[-1]")
        if found is None:
            self.refuse(f"it takes {given.name}, which no layer made", "compute it from inputs")
        whole = found.number in self.reading.tokens
        self.require(whole <= tokens, "it computes with whole numbers", "give them to nn.Embedding")
        self.require(
            found.batch == 0 or anywhere, "its batch does not stand first", "transpose it back"
        )
        self._hold_shape(given.name, found)
        return found

    def _hold_shape(self, name: str, value: Value) -> None:
        """An expanded tensor is larger than its value, and only broadcasting may read it."""
        sizes = self.sizes(name)
        for axis in set(range(len(sizes))) - {value.batch}:
            own = value.shape[value.axes.index(axis)] if axis in value.axes else 1
            stretches = own == 1 and self.node.op in ("add", "mul", "sub")
            if own != sizes[axis] and not stretches:
                self.refuse("it reads a tensor that was expanded", "let add or mul broadcast it")

    def sizes(self, name: str) -> tuple[Any, ...]:
        """PyTorch's shape of a node or input."""
        return self.reading.traced.shapes[name]

    def rank(self, argument: str = "") -> int:
        """PyTorch's axes of a tensor argument, without the batch."""
        given = self[argument] if argument else next(iter(self.node.arguments.values()))
        return len(self.sizes(given.name)) - 1 if isinstance(given, Ref) else 0

    def axis(self, given: int, rank: int) -> int:
        """An axis counted from the front; the batch is refused."""
        axis = given + rank + 1 if given < 0 else given
        self.require(
            1 <= axis <= rank, "it works across the rows of a batch", "treat each row alone"
        )
        return axis

    # Arrays -----------------------------------------------------------------------------------

    def array(self, argument: str) -> tuple[int, ...] | None:
        """The shape of a parameter, None where there is none."""
        given = self[argument]
        return self.reading.traced.arrays[given.text] if isinstance(given, Key) else None

    def path(self, *arguments: str) -> str:
        """The path of the module that holds these arrays, each called there as the argument is.

        Refuses arrays that are computed, or called otherwise than PyTorch's layers call them.
        """
        paths = set()
        for argument in arguments:
            given = self[argument]
            if given is None:
                continue
            key = given.text if isinstance(given, Key) else ""
            path, _, own = key.rpartition(".")
            self.require(
                own != argument or bool(path), "it belongs to the outermost module",
                "put the layer into a module, such as nn.Sequential(layer)",
            )  # fmt: skip
            self.require(
                own == argument,
                f"its {argument} is {key or 'computed, or no array of a module'}",
                f"use the layer of torch.nn, whose own array is called {argument!r}",
            )
            paths.add(path)
        self.require(len(paths) <= 1, "its arrays belong to several modules", "use one layer")
        return paths.pop() if paths else ""

    # Layers -----------------------------------------------------------------------------------

    def add(self, layer: Layer, *values: Value, axes: Axes | None = None, path: str = "") -> Value:
        """Call the layer on the values; by default its result keeps the axes of the first."""
        return self._add(layer, values, axes or values[0].axes, path, self.node.frames)

    def several(self, layer: Layer, *values: Value, path: str) -> tuple[Value, tuple[Value, ...]]:
        """Call a layer that gives states behind its output: (its output, the states)."""
        made = self._add(layer, values, (1,), path, self.node.frames)
        behind = layer.count_outputs() - 1
        self.reading.steps[-1] = replace(self.reading.steps[-1], behind=behind)
        shape = tuple(int(size or 0) for size in (layer.outputs(*(v.shape for v in values)))[-1])
        after = range(made.number + 1, made.number + 1 + behind)
        return made, tuple(Value(number, shape, (1,)) for number in after)

    def before(self, layer: Layer, value: Value, axes: Axes) -> Value:
        """A layer that only prepares: it stands beside the module of this operation, not in it."""
        frames = self.node.frames
        inside = len(frames) > 1 and frames[-1].kind in SINGLE
        return self._add(layer, (value,), axes, "", frames[:-1] if inside else frames)

    def _add(
        self, layer: Layer, values: tuple[Value, ...], axes: Axes, path: str, frames: Any
    ) -> Value:
        shapes: tuple[Shape, ...] = tuple(value.shape for value in values)
        broken = fault(layer, shapes)
        if broken:
            self.refuse(f"the description's layer refuses it {broken.rstrip('.')}", "change it")
        shape = tuple(int(size or 0) for size in layer.output(*shapes))
        made = self.reading.new(shape, axes)
        inputs = tuple(value.number for value in values)
        step = Step(layer, inputs, made.number, frames, path, shape, axes)
        self.reading.steps.append(step)
        return made

    # Order ------------------------------------------------------------------------------------

    def arranged(self, value: Value, axes: Axes) -> Value:
        """The value with its axes in this order."""
        if value.axes == axes:
            return value
        order = tuple(value.axes.index(axis) + 1 for axis in axes)
        return self.before(L.Permute(order), value, axes)

    def channels_last(self, value: Value) -> Value:
        """The value as a map: PyTorch's axis 1 last, the others in their order."""
        return self.arranged(value, channels_first(len(value.axes)))

    def with_last(self, value: Value, axis: int) -> Value:
        """The value with PyTorch's axis `axis` last."""
        rest = [other for other in value.axes if other != axis]
        return self.arranged(value, (*rest, axis)) if value.axes[-1] != axis else value


BARE = {
    "add": "leave it out, or add one row of features for each step: (steps, features)",
    "cat": "leave such a token out, and take the mean over the steps",
    "expand": "leave such a token out, and take the mean over the steps",
    "mul": "leave such a factor out, or fold it into the weights of the layer before it",
}
"""What to write instead of arithmetic with a parameter that belongs to no layer."""

SINGLE = frozenset(
    f"{name}{rank}"
    for name in (
        "Conv", "BatchNorm", "InstanceNorm", "MaxPool", "AvgPool", "AdaptiveAvgPool",
        "AdaptiveMaxPool", "ZeroPad",
    )
    for rank in ("1d", "2d")
) | {
    "Linear", "LayerNorm", "GroupNorm", "Softmax", "LogSoftmax", "Softmax2d", "Flatten",
    "Unflatten", "Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d",
}  # fmt: skip
"""Modules of PyTorch that are one operation."""

Rule = Callable[[Site], Value]
Rules = Mapping[str, Rule]
