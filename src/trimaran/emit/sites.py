"""Where the values of each block lie in the flat model."""

from __future__ import annotations

from trimaran.spec.graph import Graph


def sites(graph: Graph) -> dict[str, list[int]]:
    """Path of a block → for each of its values, the value's number in the flat model.

    A shared block is listed as at its first call.
    """
    found: dict[str, list[int]] = {}
    _visit(graph, "", list(range(len(graph.inputs))), found, [len(graph.inputs)])
    return found


def _visit(
    graph: Graph, path: str, values: list[int], found: dict[str, list[int]], count: list[int]
) -> list[int]:
    for call in graph.calls:
        op = graph.table[call.layer]
        if isinstance(op, Graph):
            inner = [values[i] for i in call.inputs]
            values += _visit(op, join(path, call.layer), inner, found, count)
        else:
            values += range(count[0], count[0] + op.count_outputs())
            count[0] += op.count_outputs()
    found.setdefault(path, values)
    return [values[value] for _, value in graph.outputs]


def join(path: str, name: str) -> str:
    """Dotted path of a layer inside a block."""
    return f"{path}.{name}" if path else name
