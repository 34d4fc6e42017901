"""Keras's three ways to write a model, and which of them fits a description."""

from __future__ import annotations

import re

from trimaran.backends.keras.block import Page, Scope, Writer
from trimaran.emit.layout import wrap
from trimaran.emit.template import MARK
from trimaran.errors import DescriptionError
from trimaran.spec.graph import Graph, Port
from trimaran.spec.model import Model
from trimaran.spec.named import recording

STYLES = ("sequential", "functional", "subclass")
_LAST_NUMBER = re.compile(r'^(.*name=f?"(?:[^"]*\.)?)(\d+)("\))$')


def style_of(model: Model, asked: str | None) -> str:
    """The style to write in."""
    if asked is not None and asked not in STYLES:
        raise DescriptionError(f"There is no style {asked!r}; choose one of {', '.join(STYLES)}.")
    plain = is_chain(model)
    if asked == "sequential" and not plain:
        raise DescriptionError(
            f"{model.name} is no plain chain of layers, so it has no sequential form; use "
            "functional or subclass."
        )
    return asked or ("sequential" if plain else "functional")


def is_chain(model: Model) -> bool:
    """Whether each layer reads the one before it, with no block and nothing shared."""
    chained = all(leaf.inputs == (leaf.output - 1,) for leaf in model.leaves)
    paths = [leaf.path for leaf in model.leaves]
    return (
        chained
        and bool(paths)
        and len(model.inputs) == len(model.outputs) == 1
        and len(set(paths)) == len(paths)
        and not _blocks(model.graph)
    )


def _blocks(graph: Graph) -> bool:
    inner = [op for _, op in graph.layers if isinstance(op, Graph)]
    return any(not op.inline or _blocks(op) for op in inner)


def chain(model: Model, writer: Writer) -> str:
    """`build` of a plain chain."""
    page = Page("call", True)
    scope = Scope(model.graph, "", "", (), {0: (0,)})
    with recording(None):
        writer.calls(scope, {}, page)
    slots = page.numbers.slots
    items = [input_of(model.inputs[0])]
    for step in page.steps:
        text = step.text.removesuffix("({0})").replace("{{", "{").replace("}}", "}")
        items.append(MARK.sub(lambda mark: str(int(slots[int(mark.group(1))].value)), text))
    listed = [w for item in items for w in wrap(f"            {item},")]
    return "\n".join(
        [
            "def build():",
            '    """The network with fresh weights."""',
            "    return keras.Sequential(",
            "        [",
            *listed,
            "        ],",
            f'        name="{model.name}",',
            "    )",
        ]
    )


def input_of(port: Port) -> str:
    """The `keras.Input` of a port."""
    dtype = "" if port.dtype == "float32" else f', dtype="{port.dtype}"'
    shape = f"({port.shape[0]},)" if len(port.shape) == 1 else str(tuple(port.shape))
    return f'keras.Input({shape}, name="{port.name}"{dtype})'


def collapsed(lines: tuple[str, ...]) -> list[str]:
    """Statements that differ only in the last number of a name, counting up, as a loop."""
    found: list[str] = []
    index = 0
    while index < len(lines):
        length = _run(lines[index:])
        if length < 2:
            found.append(lines[index])
        else:
            head, number, tail = _parts(lines[index]) or ("", 0, "")
            before, _, name = head.rpartition("name=")
            name = name if name.startswith("f") else f"f{name}"
            times = f"{number}, {number + length}" if number else str(length)
            found += [f"for i in range({times}):", f"    {before}name={name}{{i}}{tail}"]
        index += max(length, 1)
    return found


def _run(lines: tuple[str, ...]) -> int:
    """How many lines from the first on are the same but for a number that counts up."""
    first = _parts(lines[0])
    if first is None:
        return 1
    length = 1
    while length < len(lines) and _parts(lines[length]) == (
        first[0],
        first[1] + length,
        first[2],
    ):
        length += 1
    return length


def _parts(line: str) -> tuple[str, int, str] | None:
    found = _LAST_NUMBER.match(line)
    return (found[1], int(found[2]), found[3]) if found else None
