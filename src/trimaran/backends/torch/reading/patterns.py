"""Several operations that are one layer: what people write for functions PyTorch did not have,
and what PyTorch itself writes so."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from trimaran.backends.torch.reading.nodes import Node, Ref, Traced


def joined(traced: Traced) -> Traced:
    """The same forward pass with each pattern as one node, where nothing else reads its middle."""
    nodes: list[Node] = list(traced.nodes)
    made = {node.name: node for node in nodes}
    for node in traced.nodes:
        found = _hard_sigmoid(traced, node, made) or _softsign(traced, node, made)
        found = found or _padded_pool(traced, node, made)
        if found:
            new, inner = found
            nodes = [new if n.name == node.name else n for n in nodes if n.name not in inner]
            made[new.name] = new
    return replace(traced, nodes=tuple(nodes))


def _before(traced: Traced, made: dict[str, Node], value: Any, *ops: str) -> Node | None:
    """The node that made the value, if it is such an operation and nothing else reads it."""
    node = made.get(value.name) if isinstance(value, Ref) else None
    if node is None or node.op not in ops or node.in_place or traced.returned(node.name):
        return None
    return node if len(traced.readers(node.name)) == 1 else None


def _hard_sigmoid(
    traced: Traced, node: Node, made: dict[str, Node]
) -> tuple[Node, set[str]] | None:
    """relu6(x + 3) / 6."""
    divides = node.op == "div" and node.arguments.get("other") == 6
    if not divides and not (node.op == "mul" and node.arguments.get("other") == 1 / 6):
        return None
    clipped = _before(traced, made, node.arguments["self"], "relu6", "hardtanh")
    if clipped is None or (clipped.op == "hardtanh" and _range(clipped) != (0, 6)):
        return None
    shifted = _before(traced, made, clipped.arguments["self"], "add")
    if shifted is None or shifted.arguments["other"] != 3 or shifted.arguments.get("alpha") != 1:
        return None
    new = replace(node, op="hardsigmoid", arguments={"self": shifted.arguments["self"]})
    return new, {clipped.name, shifted.name}


def _range(node: Node) -> tuple[float, float]:
    return node.arguments["min_val"], node.arguments["max_val"]


def _softsign(traced: Traced, node: Node, made: dict[str, Node]) -> tuple[Node, set[str]] | None:
    """x / (|x| + 1)."""
    if node.op != "div":
        return None
    below = _before(traced, made, node.arguments["other"], "add")
    if below is None or below.arguments["other"] != 1 or below.arguments.get("alpha") != 1:
        return None
    size = _before(traced, made, below.arguments["self"], "abs")
    if size is None or size.arguments["self"] != node.arguments["self"]:
        return None
    new = replace(node, op="softsign", arguments={"self": node.arguments["self"]})
    return new, {below.name, size.name}


def _padded_pool(traced: Traced, node: Node, made: dict[str, Node]) -> tuple[Node, set[str]] | None:
    """Max pooling over a map padded with minus infinity."""
    if node.op not in ("max_pool1d", "max_pool2d") or any(_numbers(node.arguments["padding"])):
        return None
    padded = _before(traced, made, node.arguments["self"], "pad", "constant_pad_nd")
    if padded is None or padded.arguments.get("value") != -math.inf:
        return None
    given = {
        **node.arguments, "self": padded.arguments["self"], "around": padded.arguments["pad"]
    }  # fmt: skip
    return replace(node, arguments=given), {padded.name}


def _numbers(value: Any) -> list[int]:
    return list(value) if isinstance(value, list | tuple) else [value]
