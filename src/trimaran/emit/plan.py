"""Which classes a model's source has, and with what arguments its blocks construct them.

Blocks are grouped from the inside out: those with equal templates become one class. A number that
every instance writes alike is printed as it is written (`width * 4`, `64`); a number that differs
becomes a constructor argument. Each printed number is evaluated for every instance, and a
difference stops the emission.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trimaran.emit.template import Template
from trimaran.errors import DescriptionError
from trimaran.spec.graph import Graph, argument_values, channel_names, walk
from trimaran.spec.model import Model, camel
from trimaran.spec.named import evaluate, expression, names, parse, plain, show


@dataclass(frozen=True)
class Argument:
    """A constructor argument: a name of the block, or one made for a number that differs."""

    name: str
    slot: int | None = None


@dataclass(frozen=True)
class Class:
    """One class of the source, its lines written out; `kept` are the arguments that its forward
    method reads too."""

    name: str
    kind: str
    arguments: tuple[Argument, ...]
    init: tuple[str, ...]
    forward: tuple[str, ...]
    graph: Graph
    path: str
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Use:
    """What a block constructs: its class, and the values of the arguments made for it."""

    cls: Class
    made: Mapping[str, int]

    def values(self, bindings: Mapping[str, int], graph: Graph) -> list[tuple[str, Any]]:
        """The arguments in the words of the block around."""
        fields = dict(graph.arguments)
        return [
            (a.name, self.made.get(a.name, fields.get(a.name, bindings.get(a.name))))
            for a in self.cls.arguments
        ]


Uses = dict[str, Use]
Write = Callable[[str, Graph, Uses], Template]


def plan(model: Model, write: Write, owner: str = "") -> list[Class]:
    """The classes from the inside out; the last is the model's own.

    `write(path, graph, uses)` writes the template of a block whose inner blocks are in `uses`.
    `owner` stands before an argument in the forward method ("self." in a class).
    """
    blocks = [(path, graph) for path, graph in walk(model.graph) if not graph.inline]
    classes: list[Class] = []
    uses: Uses = {}
    taken: set[str] = {camel(model.name)}
    for height in sorted({_height(graph) for _, graph in blocks}):
        level = [(path, graph) for path, graph in blocks if _height(graph) == height]
        for group in _groups(level, uses, write):
            made = _class(group, taken, owner)
            classes.append(made)
            taken.add(made.name)
            uses |= {path: Use(made, _made(made, template)) for path, _, template in group}
    return classes


Group = list[tuple[str, Graph, Template]]


def _groups(level: Iterable[tuple[str, Graph]], uses: Uses, write: Write) -> list[Group]:
    groups: dict[tuple[Any, ...], Group] = {}
    for path, graph in level:
        template = write(path, graph, uses)
        key = (graph.kind, graph.flags, graph.guards, template.text)
        groups.setdefault(key, []).append((path, graph, template))
    return list(groups.values())


def _height(graph: Graph) -> int:
    """How many classes deep a block is; inline graphs belong to the block around them."""
    inner = [op for _, op in graph.layers if isinstance(op, Graph)]
    return max((_height(op) + (not op.inline) for op in inner), default=0)


def _class(group: Group, taken: set[str], owner: str) -> Class:
    path, graph, template = group[0]
    texts, made = _numbers(group)
    used = [name for text in texts for name in sorted(names(parse(text)))]
    roots = {name.partition("[")[0] for name in used} - set(made)
    order = [*channel_names(graph.inputs), *(name for name, _ in graph.arguments)]
    arguments = [Argument(name) for name in order if name in roots]
    arguments += [Argument(name, slot) for name, slot in made.items()]
    init, _ = template.fill(lambda slot: texts[slot])
    _, forward = template.fill(lambda slot: _owned(texts[slot], owner))
    late = {n.partition("[")[0] for slot in template.late for n in names(parse(texts[slot]))}
    kept = tuple(argument.name for argument in arguments if argument.name in late)
    name = camel(graph.kind) if path == "" else _name(graph, taken)
    return Class(name, graph.kind, tuple(arguments), init, forward, graph, path, kept)


def _owned(text: str, owner: str) -> str:
    """The number with `owner` before each of its names."""
    for name in sorted(names(parse(text))):
        text = re.sub(rf"(?<![\w.]){re.escape(name)}(?!\w)", f"{owner}{name}", text)
    return text


def _name(graph: Graph, taken: set[str]) -> str:
    name = camel(graph.kind) + "".join(camel(flag.replace("_", "-")) for flag in graph.flags)
    numbered = (f"{name}{n}" for n in range(2, len(taken) + 3))
    return name if name not in taken else next(n for n in numbered if n not in taken)


def _numbers(group: Group) -> tuple[list[str], dict[str, int]]:
    """How each slot is printed, and the arguments made for slots that differ."""
    texts: list[str] = []
    made: dict[str, int] = {}
    for slot in range(len(group[0][2].slots)):
        values = [template.slots[slot].value for _, _, template in group]
        written = {show(expression(value)) for value in values}
        if len(written) == 1:
            texts.append(written.pop())
        else:
            texts.append(_argument(group, slot, [int(value) for value in values], made))
    for _, graph, template in group:
        _verify(graph, template, texts, made)
    return texts, made


def _argument(group: Group, slot: int, values: list[int], made: dict[str, int]) -> str:
    """An argument for the slot: one that has these values already, or a new one."""
    for name, other in made.items():
        factor = _factor(values, [int(template.slots[other].value) for _, _, template in group])
        if factor:
            return name if factor == 1 else f"{name} * {factor}"
    _, graph, template = group[0]
    hint = template.slots[slot].hint
    known = {*made, *channel_names(graph.inputs), *(name for name, _ in graph.arguments)}
    candidates = [hint, *(f"{hint}_{n}" for n in range(2, len(known) + 3))]
    name = next(c for c in candidates if c not in known)
    made[name] = slot
    return name


def _factor(values: list[int], others: list[int]) -> int:
    """How many times the others the values are, in every instance; 0 where they are not."""
    factors = {a / b if b else 0 for a, b in zip(values, others, strict=True)}
    factor = factors.pop()
    return int(factor) if not factors and factor >= 1 and factor == int(factor) else 0


def _verify(graph: Graph, template: Template, texts: list[str], made: Mapping[str, int]) -> None:
    values = {name: int(template.slots[slot].value) for name, slot in made.items()}
    for name, value in argument_values(graph).items():
        items = enumerate(value) if isinstance(value, tuple) else ()
        values |= {f"{name}[{i}]": item for i, item in items} or {name: value}
    for name, port in zip(channel_names(graph.inputs), graph.inputs, strict=True):
        values[name] = int(plain(port.shape)[-1] or 0) if port.shape else 0
    for slot, text in zip(template.slots, texts, strict=True):
        got = evaluate(parse(text), values)
        if got != int(slot.value):
            raise DescriptionError(
                f"{graph.kind}: {text} gives {got} where the block needs {int(slot.value)}; its "
                "build changes numbers in a way that cannot be written down, so use plain "
                "arithmetic on its fields."
            )


def _made(cls: Class, template: Template) -> dict[str, int]:
    return {a.name: int(template.slots[a.slot].value) for a in cls.arguments if a.slot is not None}
