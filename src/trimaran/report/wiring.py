"""A model with skip connections as one column of stops, and arcs beside it.

The column is the longest way from the input to the output. Where a layer joins tensors (Add), the
others come back over an arc, which may hold a box of its own, such as the projection of a ResNet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trimaran.report.boxes import Box, box_of, details_of, glyph_of, kind_of, shape_of, sizes_of
from trimaran.report.diagram import LONGEST
from trimaran.spec import Leaf, Model

FOLLOWERS = ("Activation", "BatchNormalization", "Dropout", "Rescaling")  # join the box before


@dataclass(frozen=True)
class Arc:
    """A tensor that leaves the column after stop `source` and comes back at stop `target`."""

    source: int
    target: int
    box: Box | None


@dataclass(frozen=True)
class Wiring:
    """The stops from the input down, the first being the input itself, and the arcs."""

    stops: tuple[Box, ...]
    arcs: tuple[Arc, ...]


@dataclass(frozen=True)
class _Side:
    """What leaves the column as the tensor `source` and is joined by the leaf `target`."""

    source: int
    target: Leaf
    leaves: tuple[Leaf, ...]


def wiring(model: Model) -> Wiring | None:
    """Stops and arcs; None where nothing is joined, or where one column cannot show it all."""
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return None
    made = {leaf.output: leaf for leaf in model.leaves}
    column = _column(model, made)
    sides = _sides(column, made)
    shown = len(column) + sum(len(side.leaves) for side in sides or ())
    if not sides or shown != len(model.leaves):
        return None
    groups = _groups(column, {side.source for side in sides})
    sizes = sizes_of(model)
    shape = model.shapes[0]
    first = Box("Input", model.inputs[0].name, "", shape_of(shape), 0, glyph_of(shape))
    stops = {0: 0} | {leaf.output: i for i, group in enumerate(groups, 1) for leaf in group}
    arcs = tuple(
        Arc(stops[side.source], stops[side.target.output], _beside(side.leaves, sizes))
        for side in sides
    )
    return Wiring((first, *(_stop(group, sizes) for group in groups)), arcs)


def _column(model: Model, made: Mapping[int, Leaf]) -> list[Leaf]:
    """The leaves on the longest way to the output; of equally long ones, the first that is read."""
    depth = {0: 0}
    for leaf in model.leaves:
        depth[leaf.output] = 1 + max(depth[value] for value in leaf.inputs)
    column, value = list[Leaf](), model.outputs[0][1]
    while value in made:
        column.append(made[value])
        value = max(made[value].inputs, key=depth.__getitem__)
    return column[::-1]


def _sides(column: Sequence[Leaf], made: Mapping[int, Leaf]) -> list[_Side] | None:
    """The branches beside the column; None where one does not simply leave it and come back."""
    within = {0} | {leaf.output for leaf in column}
    before, found = 0, []
    for leaf in column:
        others = list(leaf.inputs)
        others.remove(before)
        before = leaf.output
        for value in others:
            side = _side(value, leaf, within, made)
            if side is None:
                return None
            found.append(side)
    return found


def _side(value: int, target: Leaf, within: set[int], made: Mapping[int, Leaf]) -> _Side | None:
    leaves: list[Leaf] = []
    while value not in within:
        leaves.append(made[value])
        if len(leaves[-1].inputs) != 1:
            return None
        (value,) = leaves[-1].inputs
    return _Side(value, target, tuple(leaves[::-1]))


def _groups(column: Sequence[Leaf], taken: set[int]) -> list[list[Leaf]]:
    """The column's leaves by box; where there are many, the layers of a block share one."""
    groups = _joined(column, taken, blocks=False)
    return groups if len(groups) <= LONGEST else _joined(column, taken, blocks=True)


def _joined(column: Sequence[Leaf], taken: set[int], blocks: bool) -> list[list[Leaf]]:
    groups: list[list[Leaf]] = []
    for leaf in column:
        # A tensor that an arc takes ends its box: the arc starts below it.
        whole = not groups or groups[-1][-1].output in taken or len(leaf.inputs) > 1
        if not whole and (_follows(leaf) or (blocks and _same_block(groups[-1][0], leaf))):
            groups[-1].append(leaf)
        else:
            groups.append([leaf])
    return groups


def _follows(leaf: Leaf) -> bool:
    return type(leaf.layer).__name__ in FOLLOWERS


def _same_block(first: Leaf, leaf: Leaf) -> bool:
    block = first.path.rpartition(".")[0]
    return bool(block) and block == leaf.path.rpartition(".")[0] and len(first.inputs) == 1


def _stop(group: Sequence[Leaf], sizes: Mapping[str, int]) -> Box:
    """A box of the column: one layer and its followers, or the layers of a block."""
    first, *others = group
    if all(map(_follows, others)):
        detail = " · ".join([*details_of(first), *map(kind_of, others)])
        return box_of(group, (kind_of(first), first.path, detail), sizes)
    return box_of(group, ("Block", first.path.rpartition(".")[0], _steps(group)), sizes)


def _steps(group: Sequence[Leaf]) -> str:
    """Conv2D 1×1 → 3×3 stride 2 → 1×1"""
    parts, last = list[str](), ""
    for leaf in group:
        if not _follows(leaf):
            kind = kind_of(leaf)
            parts.append(" ".join([*([] if kind == last else [kind]), *details_of(leaf)]) or kind)
            last = kind
    return " → ".join(parts)


def _beside(leaves: Sequence[Leaf], sizes: Mapping[str, int]) -> Box | None:
    """The box on an arc, whose kind and detail are lines of their own."""
    if not leaves:
        return None
    first, *others = leaves
    if all(map(_follows, others)):
        kind = " ".join([kind_of(first), " · ".join(details_of(first))]).rstrip()
        return box_of(leaves, (kind, first.path, " · ".join(map(kind_of, others))), sizes)
    return box_of(leaves, ("Block", first.path, f"{len(leaves)} layers"), sizes)
