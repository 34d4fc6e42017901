"""One block as the lines of a PyTorch class."""

from __future__ import annotations

from dataclasses import dataclass, field

from trimaran.backends.torch.attributes import constructed, dictionary, filled, reach
from trimaran.backends.torch.code import Code, Site
from trimaran.backends.torch.leaves import code
from trimaran.emit.calls import Numbered, arguments, numbered, port_names
from trimaran.emit.plan import Uses
from trimaran.emit.sites import join, sites
from trimaran.emit.statements import Key, Step, statements
from trimaran.emit.template import Numbers, Template
from trimaran.spec import layers as L
from trimaran.spec.graph import Call, Graph
from trimaran.spec.layer import Layer, Shape
from trimaran.spec.layout import FIRST, LAST, layouts, wanted
from trimaran.spec.model import Model
from trimaran.spec.named import recording

FOLDING = (
    L.Activation, L.BatchNormalization, L.LayerNormalization, L.GroupNormalization, L.Dropout,
    L.MaxPooling1D, L.MaxPooling2D, L.AveragePooling1D, L.AveragePooling2D,
)  # fmt: skip
"""Layers that are written around the call before them: relu(bn(conv(x)))."""


@dataclass
class Scope:
    """A graph while it is written: where its values are, and the modules of its layers.

    `inside` is its path inside the class that it is written into, and `attribute` how that class
    reaches its modules.
    """

    graph: Graph
    path: str
    trail: Key
    keys: dict[int, Key]
    tags: dict[int, str]
    attribute: str = "self"
    inside: str = ""
    modules: dict[str, str] = field(default_factory=dict)

    def shapes(self, call: Call) -> tuple[Shape, ...]:
        """The shapes of the call's inputs."""
        return tuple(self.graph.values[value] for value in call.inputs)

    def module(self, name: str, text: str) -> str:
        """Construct the module under this name (once), and say how to reach it."""
        self.modules.setdefault(name, text)
        return reach(self.attribute, name)


@dataclass
class Writer:
    """Writes the blocks of one model; remembers which helpers they need."""

    model: Model
    instrumented: bool
    idioms: bool
    helpers: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.layouts = layouts(self.model)
        self.sites = sites(self.model.graph)

    def write(self, path: str, graph: Graph, uses: Uses) -> Template:
        """The template of the block at `path`."""
        numbers, steps = Numbers(), list[Step]()
        keys: dict[int, Key] = {i: (i,) for i in range(len(graph.inputs))}
        scope = Scope(graph, path, (), keys, {i: self._tag(path, i) for i in keys})
        with recording(None):
            self._calls(scope, uses, numbers, steps)
        outputs, result = self._result(scope)
        ports: dict[Key, str] = {(i,): name for i, name in enumerate(port_names(graph))}
        lines = statements(ports, steps, outputs, result)
        made = constructed(scope.modules)
        init = tuple(f"        self.{name} = {text}" for name, text in made.items())
        return Template(init, lines, tuple(numbers.slots))

    def _tag(self, path: str, value: int) -> str:
        return self.layouts.values[self.sites[path][value]]

    def _result(self, scope: Scope) -> tuple[list[Key], str]:
        """The output values and the returned expression; the root returns logits, and rank-3
        maps channels-first."""
        texts, keys = [], []
        root = scope.path == ""
        for index, (name, value) in enumerate(scope.graph.outputs):
            if root and name in self.model.heads:
                value = next(call.inputs[0] for call, made in numbered(scope.graph)
                             if made == (value,))  # fmt: skip
            shape = scope.graph.values[value]
            tag = (FIRST if len(shape) == 3 else LAST) if root else self._tag(scope.path, value)
            texts.append(convert(f"{{{index}}}", scope.tags[value], tag, shape))
            keys.append(scope.keys[value])
        if root and len(texts) > 1:
            names = [name for name, _ in scope.graph.outputs]
            entries = ", ".join(f'"{n}": {t}' for n, t in zip(names, texts, strict=True))
            return keys, f"{{{{{entries}}}}}"
        return keys, ", ".join(texts)

    def _calls(self, scope: Scope, uses: Uses, numbers: Numbers, steps: list[Step]) -> None:
        heads = {v for n, v in scope.graph.outputs if n in self.model.heads and scope.path == ""}
        order = numbered(scope.graph)
        for call, made in pool_first(scope.graph, order) if self.idioms else order:
            if made[0] in heads:
                continue
            op = scope.graph.table[call.layer]
            if self.idioms and relabels(op, scope.tags[call.inputs[0]]):
                self._relabel(scope, call.inputs[0], made[0])
            elif not isinstance(op, Graph):
                self._leaf(scope, op, call, made, numbers, steps)
            elif op.inline:
                self._inline(scope, op, call, made, uses, numbers, steps)
            else:
                self._use(scope, op, call, made, uses, numbers, steps)

    def _relabel(self, scope: Scope, value: int, made: int) -> None:
        """The same tensor in the other layout's words."""
        scope.keys[made] = scope.keys[value]
        scope.tags[made] = LAST if scope.tags[value] == FIRST else FIRST

    def _leaf(
        self, scope: Scope, op: Layer, call: Call, made: tuple[int, ...], numbers: Numbers,
        steps: list[Step],
    ) -> None:  # fmt: skip
        tags = [scope.tags[value] for value in call.inputs]
        want, written = self._written(scope, op, call, made[0], tags, numbers)
        text = written.call
        if written.module:
            text = text.replace("@", scope.module(call.layer, written.module))
        text = self._converted(scope, call, text, [want] * len(tags))
        if self.instrumented:
            self.helpers.add("tap")
            text = f'tap(self, "{join(scope.inside, call.layer)}", {text})'
        self.helpers |= set(written.helpers)
        folds = isinstance(op, FOLDING) and not self.instrumented and tags == [want]
        self._step(scope, call, made, text, (want,) * len(made), folds, steps)

    def _written(
        self, scope: Scope, op: Layer, call: Call, made: int, tags: list[str], numbers: Numbers
    ) -> tuple[str, Code]:
        """(the layout that the layer works in, its code)."""
        shapes = scope.shapes(call)
        want = wanted(op, tags, shapes)
        if isinstance(op, L.Flatten) and self.sites[scope.path][made] not in self.layouts.flat:
            want = LAST
        return want, code(op, Site(shapes, scope.graph.values[made], want, numbers))

    def _converted(self, scope: Scope, call: Call, text: str, wants: list[str]) -> str:
        for i, (value, want) in enumerate(zip(call.inputs, wants, strict=True)):
            name, shape = f"{{{i}}}", scope.graph.values[value]
            text = text.replace(name, convert(name, scope.tags[value], want, shape))
        return text

    def _step(
        self, scope: Scope, call: Call, made: tuple[int, ...], text: str, tags: tuple[str, ...],
        folds: bool, steps: list[Step],
    ) -> None:  # fmt: skip
        for value, tag in zip(made, tags, strict=True):
            scope.keys[value] = (*scope.trail, value)
            scope.tags[value] = tag if len(scope.graph.values[value]) > 1 else LAST
        inputs = tuple(scope.keys[value] for value in call.inputs)
        outputs = tuple(scope.keys[value] for value in made)
        steps.append(Step(text, inputs, outputs, folds, call.layer))

    def _use(
        self, scope: Scope, op: Graph, call: Call, made: tuple[int, ...], uses: Uses,
        numbers: Numbers, steps: list[Step],
    ) -> None:  # fmt: skip
        path = join(scope.path, call.layer)
        given = arguments(uses[path], op, scope.shapes(call), numbers)
        module = f"{uses[path].cls.name}({given})"
        inputs = ", ".join(f"{{{i}}}" for i in range(len(call.inputs)))
        text = f"{scope.module(call.layer, module)}({inputs})"
        wants = [self._tag(path, i) for i in range(len(op.inputs))]
        text = self._converted(scope, call, text, wants)
        tags = tuple(self._tag(path, value) for _, value in op.outputs)
        self._step(scope, call, made, text, tags, False, steps)

    def _inline(
        self, scope: Scope, op: Graph, call: Call, made: tuple[int, ...], uses: Uses,
        numbers: Numbers, steps: list[Step],
    ) -> None:  # fmt: skip
        """A Sequential: as `nn.Sequential` where every item is a module, else call by call."""
        path = join(scope.path, call.layer)
        tag = scope.tags[call.inputs[0]]
        if self.idioms and self._chain(op, path, tag, uses, Numbers()) is not None:
            items, out = self._chain(op, path, tag, uses, numbers) or ("", tag)
            text = f"{scope.module(call.layer, items)}({{0}})"
            self._step(scope, call, made, text, (out,), False, steps)
            return
        attribute = scope.module(call.layer, "")
        trail, inside = (*scope.trail, made[0]), join(scope.inside, call.layer)
        inner = Scope(op, path, trail, {}, {}, attribute, inside)
        for i, value in enumerate(call.inputs):
            inner.keys[i], inner.tags[i] = scope.keys[value], scope.tags[value]
        self._calls(inner, uses, numbers, steps)
        scope.modules[call.layer] = dictionary(inner.modules)
        for value, (_, source) in zip(made, op.outputs, strict=True):
            scope.keys[value], scope.tags[value] = inner.keys[source], inner.tags[source]

    def _chain(
        self, op: Graph, path: str, tag: str, uses: Uses, numbers: Numbers
    ) -> tuple[str, str] | None:
        """(nn.Sequential of the graph, layout of its output), or None where it is no such chain."""
        places = [name for name, _ in op.layers]
        if not all(map(str.isdigit, places)) or places != [call.layer for call in op.calls]:
            return None
        scope = Scope(op, path, (), {}, {0: tag})
        items, last = [], 0
        for call, made in pool_first(op, numbered(op)):
            item = self._item(scope, call, made, uses, numbers) if call.inputs == (last,) else None
            if item is None or len(made) != 1:
                return None
            last = made[0]
            scope.tags[last] = item[1] if len(op.values[last]) > 1 else LAST
            items.append(item[0])
        whole = ", ".join(filled(dict(zip(places, items, strict=True))))
        return f"nn.Sequential({whole})", scope.tags[last]

    def _item(
        self, scope: Scope, call: Call, made: tuple[int, ...], uses: Uses, numbers: Numbers
    ) -> tuple[str, str] | None:
        op, tag = scope.graph.table[call.layer], scope.tags[call.inputs[0]]
        path = join(scope.path, call.layer)
        if not isinstance(op, Graph):
            want, written = self._written(scope, op, call, made[0], [tag], numbers)
            fits = want == tag or len(scope.shapes(call)[0]) == 1
            return (written.alone, want) if written.alone and fits else None
        if op.inline:
            return self._chain(op, path, tag, uses, numbers)
        if len(op.outputs) != 1 or self._tag(path, 0) != tag:
            return None
        given = arguments(uses[path], op, scope.shapes(call), numbers)
        module = f"{uses[path].cls.name}({given})"
        return module, self._tag(path, op.outputs[0][1])


def pool_first(graph: Graph, calls: list[Numbered]) -> list[Numbered]:
    """Max-pool before ReLU where nothing else reads the ReLU: the same function and gradient
    (both keep the order of numbers), on a quarter of the entries."""
    readers = [value for call, _ in calls for value in call.inputs]
    readers += [value for _, value in graph.outputs]
    relus = {
        made[0]: call
        for call, made in calls
        if _is(graph, call, L.Activation, "relu") and readers.count(made[0]) == 1
    }
    found: list[Numbered] = []
    for call, made in calls:
        source = call.inputs[0]
        if source in relus and _is(graph, call, L.MaxPooling1D | L.MaxPooling2D):
            found = [pair for pair in found if pair[1] != (source,)]
            found.append((Call(call.layer, relus[source].inputs), (source,)))
            found.append((Call(relus[source].layer, (source,)), made))
        else:
            found.append((call, made))
    return found


def relabels(op: Layer | Graph, tag: str) -> bool:
    """Whether the layer permutes a map from one layout's order to the other's, so that in the
    other layout the tensor is what it was."""
    orders = {LAST: ((2, 1), (2, 3, 1)), FIRST: ((2, 1), (3, 1, 2))}
    return isinstance(op, L.Permute) and tuple(map(int, op.dims)) in orders[tag]


def _is(graph: Graph, call: Call, kind: object, activation: str | None = None) -> bool:
    op = graph.table[call.layer]
    if not isinstance(op, kind):  # type: ignore[arg-type]
        return False
    return activation is None or getattr(op, "activation", None) == activation


def convert(text: str, tag: str, want: str, shape: Shape) -> str:
    """The tensor in the other layout, where it must be and can be."""
    if tag == want or len(shape) < 2:
        return text
    if len(shape) == 2:
        return f"{text}.transpose(1, 2)"
    order = "0, 2, 3, 1" if want == LAST else "0, 3, 1, 2"
    return f"{text}.permute({order})"
