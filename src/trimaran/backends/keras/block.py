"""One block as lines of Keras.

A block is written in one of three forms. "call": a function that makes each layer where it calls
it, the functional style. "closure": a function that makes its layers first and returns a function
that calls them, for blocks that are used twice. "class": a subclass of `layers.Layer`.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from dataclasses import dataclass, field

from trimaran.backends.keras.code import MASK, Code, Site
from trimaran.backends.keras.leaves import code, folded
from trimaran.emit.calls import Numbered, arguments, numbered, port_names
from trimaran.emit.plan import Uses
from trimaran.emit.sites import join
from trimaran.emit.statements import Key, Step, statements
from trimaran.emit.template import Numbers, Template
from trimaran.spec import layers as L
from trimaran.spec.graph import Call, Graph, walk
from trimaran.spec.layer import Layer
from trimaran.spec.model import Model
from trimaran.spec.named import recording
from trimaran.spec.naming import snake

CALL, CLOSURE, CLASS = "call", "closure", "class"
FOLDING = (L.Dense, L.Conv1D, L.Conv2D, L.DepthwiseConv2D)
"""Layers with an `activation` argument."""


@dataclass
class Scope:
    """A graph while it is written: its path in the model and in its block, and where values are."""

    graph: Graph
    path: str
    inside: str
    trail: Key
    keys: dict[int, Key]


@dataclass
class Page:
    """The lines of one block so far."""

    form: str
    root: bool
    numbers: Numbers = field(default_factory=Numbers)
    steps: list[Step] = field(default_factory=list)
    layers: dict[str, str] = field(default_factory=dict)

    def name(self, inside: str) -> str:
        """The layer's name as an expression; in a function it stands behind the block's own."""
        if self.root or self.form == CLASS:
            return f'"{inside}"'
        return f'f"{{name}}.{inside}"'

    def layer(self, inside: str, text: str) -> str:
        """Make the layer first, once, and say how to reach it."""
        variable = _identifier(inside)
        target = f"self.{variable}" if self.form == CLASS else variable
        self.layers.setdefault(target, text)
        return target


@dataclass
class Writer:
    """Writes the blocks of one model; remembers which helpers they need."""

    model: Model
    idioms: bool
    subclass: bool = False
    helpers: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.reused = frozenset(_reused(self.model.graph))

    def form(self, path: str) -> str:
        """In which form the block at `path` is written."""
        if self.subclass:
            return CLASS
        return CLOSURE if path in self.reused else CALL

    def ports(self, path: str, graph: Graph) -> list[str]:
        """The block's inputs as variables; the one input of a functional model outlives them."""
        alone = not self.subclass and path == "" and len(graph.inputs) == 1
        return ["inputs"] if alone else port_names(graph)

    def write(self, path: str, graph: Graph, uses: Uses) -> Template:
        """The template of the block at `path`."""
        page = Page(self.form(path), path == "")
        scope = Scope(graph, path, "", (), {i: (i,) for i in range(len(graph.inputs))})
        with recording(None):
            self.calls(scope, uses, page)
        outputs = [scope.keys[value] for _, value in graph.outputs]
        names = [name for name, _ in graph.outputs] if path == "" else []
        ports: dict[Key, str] = {(i,): n for i, n in enumerate(self.ports(path, graph))}
        lines = statements(ports, page.steps, outputs, _returned(names, len(outputs)))
        made = tuple(f"{target} = {text}" for target, text in page.layers.items())
        # The form is part of the template, so that blocks of two forms are two classes.
        return Template((page.form, *made), lines, tuple(page.numbers.slots))

    def calls(self, scope: Scope, uses: Uses, page: Page) -> None:
        """Write the calls of a graph."""
        order = numbered(scope.graph)
        skipped: dict[int, int] = {}
        for call, made in order:
            inputs = tuple(skipped.get(value, value) for value in call.inputs)
            op = scope.graph.table[call.layer]
            if made[0] in skipped:
                scope.keys[made[0]] = scope.keys[skipped[made[0]]]
            elif not isinstance(op, Graph):
                after = self._after(scope, op, made[0], order)
                if after:
                    skipped[after[1]] = made[0]
                self._leaf(scope, op, Call(call.layer, inputs), made, after, page)
            elif op.inline:
                self._inline(scope, op, Call(call.layer, inputs), made, uses, page)
            else:
                self._use(scope, op, Call(call.layer, inputs), made, uses, page)

    def _after(
        self, scope: Scope, op: Layer, made: int, order: list[Numbered]
    ) -> tuple[str, int] | None:
        """(argument, value) of the activation that may be written into the layer."""
        if not self.idioms or not isinstance(op, FOLDING):
            return None
        readers = [(c, m) for c, m in order if made in c.inputs]
        if len(readers) != 1 or any(value == made for _, value in scope.graph.outputs):
            return None
        call, (value, *_) = readers[0]
        activation = scope.graph.table[call.layer]
        heads = {v for n, v in scope.graph.outputs if n in self.model.heads and not scope.path}
        if not isinstance(activation, L.Activation) or value in heads:
            return None
        own = [c.layer for c, _ in order].count
        text = folded(activation)
        alone = own(call.layer) == 1 and own(order[_index(order, made)][0].layer) == 1
        return (text, value) if text and alone else None

    def _leaf(
        self,
        scope: Scope,
        op: Layer,
        call: Call,
        made: tuple[int, ...],
        after: tuple[str, int] | None,
        page: Page,
    ) -> None:
        shapes = tuple(scope.graph.values[value] for value in call.inputs)
        found = code(op, Site(shapes, scope.graph.values[made[0]], page.numbers))
        inside = join(scope.inside, call.layer)
        once = [c.layer for c in scope.graph.calls].count(call.layer) == 1
        taken = tuple(scope.keys[value] for value in call.inputs)
        if found.before:
            text = self._made(found.before, f"{inside}.pad", once, page) + "({0})"
            taken = self._step(page, call.layer, text, taken, ((*scope.trail, made[0], 0),))
        own = len(taken) - len(found.told)
        for i, (word, place) in enumerate(found.told):
            text = self._made(MASK, f"{inside}.{word}", once, page) + "({0}, {1})"
            mask = (*scope.trail, made[0], 1 + i)
            pair = (taken[place], taken[own + i])
            self._step(page, f"{call.layer}_{word}", text, pair, (mask,))
            taken = (*taken[: own + i], mask, *taken[own + i + 1 :])
        layer = self._made(found, inside, once, page, after and after[0])
        for value in made:
            scope.keys[value] = (*scope.trail, value)
        outputs = tuple(scope.keys[value] for value in made)
        self._step(page, call.layer, found.call(layer, len(taken)), taken, outputs)

    def _made(
        self, found: Code, inside: str, once: bool, page: Page, more: str | None = None
    ) -> str:
        """The layer as something to call."""
        self.helpers |= found.helpers()
        text = found.text(page.name(inside), more)
        if page.form == CALL and once:
            return text.replace("{", "{{").replace("}", "}}")
        return page.layer(inside, text)

    def _step(
        self, page: Page, name: str, text: str, taken: tuple[Key, ...], made: tuple[Key, ...]
    ) -> tuple[Key, ...]:
        page.steps.append(Step(text, taken, made, False, f"{name}_out"))
        return made

    def _use(
        self, scope: Scope, op: Graph, call: Call, made: tuple[int, ...], uses: Uses, page: Page
    ) -> None:
        path = join(scope.path, call.layer)
        inside = join(scope.inside, call.layer)
        shapes = tuple(scope.graph.values[value] for value in call.inputs)
        given = arguments(uses[path], op, shapes, page.numbers)
        inputs = ", ".join(f"{{{i}}}" for i in range(len(call.inputs)))
        named = ", ".join(part for part in (given, f"name={page.name(inside)}") if part)
        if self.form(path) == CALL:
            escaped = named.replace("{", "{{").replace("}", "}}")
            text = f"{function_name(uses[path].cls.name)}({inputs}, {escaped})"
        else:
            kind = uses[path].cls.name
            maker = kind if page.form == CLASS else maker_name(kind)
            text = f"{page.layer(inside, f'{maker}({named})')}({inputs})"
        for value in made:
            scope.keys[value] = (*scope.trail, value)
        taken = tuple(scope.keys[value] for value in call.inputs)
        outputs = tuple(scope.keys[value] for value in made)
        page.steps.append(Step(text, taken, outputs, False, f"{call.layer}_out"))

    def _inline(
        self, scope: Scope, op: Graph, call: Call, made: tuple[int, ...], uses: Uses, page: Page
    ) -> None:
        """A Sequential or a Repeat: its calls one after another."""
        path, inside = join(scope.path, call.layer), join(scope.inside, call.layer)
        inner = Scope(op, path, inside, (*scope.trail, made[0]), {})
        for i, value in enumerate(call.inputs):
            inner.keys[i] = scope.keys[value]
        self.calls(inner, uses, page)
        for value, (_, source) in zip(made, op.outputs, strict=True):
            scope.keys[value] = inner.keys[source]


def function_name(kind: str) -> str:
    """BasicBlock -> basic_block, and never the name of something else in the file."""
    name = snake(kind)
    reserved = {"layers", "keras", "build", "call", "name", "x", "y", "z"}
    return f"{name}_block" if name in reserved or keyword.iskeyword(name) else name


def maker_name(kind: str) -> str:
    """Of a function that makes a block to be called: no layer's variable is called so."""
    return f"make_{snake(kind)}"


def _identifier(inside: str) -> str:
    """downsample.0 -> downsample_0."""
    text = inside.replace(".", "_")
    plain = text.isidentifier() and not keyword.iskeyword(text)
    taken = text in ("x", "y", "z", "name", "call", "layers", "build", "keras", "inputs", "outputs")
    return text if plain and not taken else f"layer_{text}"


def _index(order: list[Numbered], made: int) -> int:
    return next(i for i, (_, values) in enumerate(order) if made in values)


def _returned(names: list[str], count: int) -> str:
    if len(names) > 1:
        entries = ", ".join(f'"{name}": {{{i}}}' for i, name in enumerate(names))
        return f"{{{{{entries}}}}}"
    return ", ".join(f"{{{i}}}" for i in range(count))


def _reused(graph: Graph) -> Iterator[str]:
    """The paths of blocks that are called more than once, and of all blocks inside them."""
    for path, inner in walk(graph):
        for name, op in inner.layers:
            own = join(path, name)
            if isinstance(op, Graph) and [c.layer for c in inner.calls].count(name) > 1:
                yield from (join(own, deeper) if deeper else own for deeper, _ in walk(op))
