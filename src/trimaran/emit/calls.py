"""Calls inside a block, and how the block around writes them."""

from __future__ import annotations

import keyword

from trimaran.emit.plan import Use
from trimaran.emit.template import Numbers
from trimaran.spec.graph import Call, Graph, width
from trimaran.spec.layer import Shape

Numbered = tuple[Call, tuple[int, ...]]
"""A call, and the values of its graph that it makes."""


def numbered(graph: Graph) -> list[Numbered]:
    """The calls with the values that they make."""
    found, value = [], len(graph.inputs)
    for call in graph.calls:
        made = width(graph.table[call.layer])
        found.append((call, tuple(range(value, value + made))))
        value += made
    return found


def port_names(graph: Graph) -> list[str]:
    """The block's inputs as variables."""
    if len(graph.inputs) == 1:
        return ["x"]
    names = [port.name.replace("-", "_") for port in graph.inputs]
    return [f"{name}_" if keyword.iskeyword(name) else name for name in names]


def arguments(use: Use, graph: Graph, given: tuple[Shape, ...], numbers: Numbers) -> str:
    """What a block is made with, in the words of the block around it."""
    found = []
    for name, value in use.values(graph.bindings(given), graph):
        text = numbers.any(value, name)
        found.append(text if name == "in_channels" else f"{name}={text}")
    return ", ".join(found)
