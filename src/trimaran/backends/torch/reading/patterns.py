"""Several operations that are one layer: what people write for functions PyTorch did not have,
and what PyTorch itself writes so."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from trimaran.backends.torch.reading.nodes import Key, Node, Ref, Traced, needed


def joined(traced: Traced) -> Traced:
    """The same forward pass with each pattern as one node, where nothing else reads its middle."""
    made = {node.name: node for node in traced.nodes}
    for node in traced.nodes:
        for pattern in PATTERNS:
            found = pattern(traced, node, made)
            if found is not None:
                made[node.name] = found
                break
    return replace(traced, nodes=needed(list(made.values()), traced.outputs))


def _before(traced: Traced, made: dict[str, Node], value: Any, *ops: str) -> Node | None:
    """The node that made the value, if it is such an operation and nothing else reads it."""
    node = made.get(value.name) if isinstance(value, Ref) else None
    if node is None or node.op not in ops or node.in_place or traced.returned(node.name):
        return None
    return node if len(traced.readers(node.name)) == 1 else None


def _hard_sigmoid(traced: Traced, node: Node, made: dict[str, Node]) -> Node | None:
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
    return replace(node, op="hardsigmoid", arguments={"self": shifted.arguments["self"]})


def _range(node: Node) -> tuple[float, float]:
    return node.arguments["min_val"], node.arguments["max_val"]


def _softsign(traced: Traced, node: Node, made: dict[str, Node]) -> Node | None:
    """x / (|x| + 1)."""
    if node.op != "div":
        return None
    below = _before(traced, made, node.arguments["other"], "add")
    if below is None or below.arguments["other"] != 1 or below.arguments.get("alpha") != 1:
        return None
    size = _before(traced, made, below.arguments["self"], "abs")
    if size is None or size.arguments["self"] != node.arguments["self"]:
        return None
    return replace(node, op="softsign", arguments={"self": node.arguments["self"]})


def _largest(traced: Traced, node: Node, made: dict[str, Node]) -> Node | None:
    """The values of max over an axis, or of adaptive max pooling to one entry, without places."""
    if node.op != "getitem" or node.arguments["1"] != 0:
        return None
    found = _before(traced, made, node.arguments["0"], "max", *_ADAPTIVE)
    if found is None or (
        found.op in _ADAPTIVE and set(_numbers(found.arguments["output_size"])) != {1}
    ):
        return None
    given = found.arguments
    rank = _ADAPTIVE.get(found.op)
    dims = [given["dim"]] if rank is None else list(range(-rank, 0))
    kept = {"self": given["self"], "dim": dims, "keepdim": given.get("keepdim", True)}
    return replace(found, name=node.name, op="amax", shape=node.shape, arguments=kept)


_ADAPTIVE = {"adaptive_max_pool1d": 1, "adaptive_max_pool2d": 2}


def _padded_pool(traced: Traced, node: Node, made: dict[str, Node]) -> Node | None:
    """Max pooling over a map padded with minus infinity."""
    if node.op not in ("max_pool1d", "max_pool2d") or any(_numbers(node.arguments["padding"])):
        return None
    padded = _before(traced, made, node.arguments["self"], "pad", "constant_pad_nd")
    if padded is None or padded.arguments.get("value") != -math.inf:
        return None
    given = {
        **node.arguments, "self": padded.arguments["self"], "around": padded.arguments["pad"]
    }  # fmt: skip
    return replace(node, arguments=given)


def _numbers(value: Any) -> list[int]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _positions(traced: Traced, node: Node, made: dict[str, Node]) -> Node | None:
    """x + rows for its steps, from the first one on: a parameter's, or table(arange(steps))."""
    if node.op != "add" or node.arguments.get("alpha") != 1:
        return None
    for x, beside in (("self", "other"), ("other", "self")):
        given, rows = node.arguments[x], node.arguments[beside]
        if (node.in_place and x != "self") or not isinstance(given, Ref):
            continue
        weight = _parameter(traced, made, rows) or _looked_up(traced, made, rows)
        if weight is not None and _fits(traced, node, given, rows):
            return replace(node, op="positions", arguments={"self": given, "weight": weight})
    return None


def _parameter(traced: Traced, made: dict[str, Node], value: Any) -> Key | None:
    """The parameter (steps, features), or (1, steps, features), of which these are first rows."""
    while isinstance(value, Ref):
        node = _before(traced, made, value, "alias", "expand", "reshape", "slice", "unsqueeze")
        if node is None or (node.op == "slice" and not _first_rows(node)):
            return None
        value = node.arguments["self"]
    if not isinstance(value, Key) or not value.text:
        return None
    shape = traced.arrays[value.text]
    return value if len(shape) == 2 or (len(shape) == 3 and shape[0] == 1) else None


def _first_rows(node: Node) -> bool:
    given, rank = node.arguments, len(node.shape or ())
    steps = given["dim"] in (rank - 2, -2)
    return steps and not given["start"] and given["step"] == 1


def _looked_up(traced: Traced, made: dict[str, Node], value: Any) -> Key | None:
    """The table whose rows 0, 1, 2… these are."""
    table = _inside(traced, made, value, "embedding")
    if table is None or table.arguments["padding_idx"] != -1:
        return None
    steps = _inside(traced, made, table.arguments["indices"], "arange")
    if steps is None or steps.arguments.get("start") or steps.arguments.get("step", 1) != 1:
        return None
    weight = table.arguments["weight"]
    fits = steps.shape == (table.shape or ())[-2:-1] and isinstance(weight, Key)
    return weight if fits else None


def _inside(traced: Traced, made: dict[str, Node], value: Any, op: str) -> Node | None:
    """The node of this operation under any that only repeat it for each row."""
    found = _before(traced, made, value, op, "unsqueeze", "expand", "repeat")
    while found is not None and found.op != op:
        found = _before(traced, made, found.arguments["self"], op, "unsqueeze", "expand", "repeat")
    return found


def _fits(traced: Traced, node: Node, given: Ref, rows: Ref | Key) -> bool:
    """Whether (batch, steps, features) get (steps, features)."""
    shape = traced.shapes[given.name]
    own = traced.shapes[rows.name] if isinstance(rows, Ref) else traced.arrays[rows.text]
    return shape == node.shape and len(shape) == 3 and shape[1:] == own[-2:]


PATTERNS = (_hard_sigmoid, _softsign, _largest, _padded_pool, _positions)
