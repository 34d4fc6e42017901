"""The model as a picture: circles and lines for dense nets (Figure 1), else a chain of boxes."""

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from trimaran.report.boxes import Box, box_of, details_of, glyph_of, kind_of, shape_of, sizes_of
from trimaran.report.numbers import short
from trimaran.report.svg import picture, text
from trimaran.spec import Leaf, Model

LONGEST = 20  # boxes; a longer chain shows each block as one box
FITS = 10  # circles in a column; a larger layer is drawn with a gap
SIDE = ("Activation", "Dropout", "Flatten", "Rescaling")  # layers that add no column to Figure 1


def chain(model: Model) -> tuple[Box, ...]:
    """The inputs, then the layers in call order, each activation within the layer before it."""
    sizes = sizes_of(model)
    inputs = [
        Box("Input", port.name, "", shape_of(shape), 0, glyph_of(shape))
        for port, shape in zip(model.inputs, model.shapes, strict=False)
    ]
    groups = _merged(model.leaves)
    if len(groups) > LONGEST:
        groups = _blocks(groups)
    return tuple(inputs) + tuple(_box(group, sizes) for group in groups)


def _merged(leaves: Sequence[Leaf]) -> list[list[Leaf]]:
    """Leaves in groups: an activation that reads the leaf before it joins its group."""
    groups: list[list[Leaf]] = []
    for leaf in leaves:
        follows = bool(groups) and leaf.inputs == (groups[-1][-1].output,)
        if type(leaf.layer).__name__ == "Activation" and follows:
            groups[-1].append(leaf)
        else:
            groups.append([leaf])
    return groups


def _blocks(groups: Sequence[list[Leaf]]) -> list[list[Leaf]]:
    """Neighbours under the same first name (layer1.…) as one group."""
    blocks: list[list[Leaf]] = []
    for group in groups:
        root = _root(group)
        if root and blocks and _root(blocks[-1]) == root:
            blocks[-1] = blocks[-1] + group
        else:
            blocks.append(list(group))
    return blocks


def _root(group: Sequence[Leaf]) -> str:
    first, dot, _ = group[0].path.partition(".")
    return first if dot else ""


def _box(group: Sequence[Leaf], sizes: Mapping[str, int]) -> Box:
    first = group[0]
    parts = [leaf for leaf in group if type(leaf.layer).__name__ != "Activation"]
    if len(parts) > 1:
        return box_of(group, ("Block", _root(group), f"{len(parts)} layers"), sizes)
    detail = " · ".join([*details_of(first), *(kind_of(leaf) for leaf in group[1:])])
    return box_of(group, (kind_of(first), first.path, detail), sizes)


def neurons(model: Model) -> Markup | None:
    """Figure 1 for a plain chain of dense layers; None for any other model."""
    columns = _columns(model)
    if columns is None:
        return None
    rows = min(max(size for size, *_ in columns), FITS)
    gap, step = 30.0, min(170.0, 640 / max(len(columns) - 1, 1))
    height, width = rows * gap + 64, 100 + step * (len(columns) - 1)
    middle = 14 + rows * gap / 2
    places = [
        [(50 + i * step, y) for y in _spread(size, gap, middle)]
        for i, (size, *_) in enumerate(columns)
    ]
    lines = "".join(
        f'<path class="synapse" d="M{x1:.0f} {y1:.1f}L{x2:.0f} {y2:.1f}"/>'
        for left, right in zip(places[:-1], places[1:], strict=True)
        for x1, y1 in left
        for x2, y2 in right
    )
    circles = [_column(place, column, i, middle) for i, (place, column) in
               enumerate(zip(places, columns, strict=True))]  # fmt: skip
    labels = [
        text(place[0][0], height - 32, name, "strong")
        + text(place[0][0], height - 17, f"{size} {detail}", "label")
        for place, (size, name, detail) in zip(places, columns, strict=True)
    ]
    body = lines + "".join(circles) + "".join(labels)
    return picture(width, height, body, f"{model.name} as neurons", "neurons")


def _columns(model: Model) -> list[tuple[int, str, str]] | None:
    """(units, name, activation) of the input and each dense layer of a plain dense chain."""
    if len(model.inputs) != 1 or None in model.shapes[0]:
        return None
    inputs = math.prod(size or 1 for size in model.shapes[0])
    columns = [(inputs, "input", "inputs" if inputs != 1 else "input")]
    for number, leaf in enumerate(model.leaves):
        kind = type(leaf.layer).__name__
        if leaf.inputs != (number,) or (kind != "Dense" and kind not in SIDE):
            return None
        if kind == "Dense" and len(leaf.in_shapes[0]) != 1:
            return None
        if kind == "Dense":
            columns.append((int(leaf.out_shape[-1] or 1), leaf.path, ""))
        elif kind == "Activation":
            size, name, _ = columns[-1]
            columns[-1] = (size, name, kind_of(leaf))
    return columns if 2 <= len(columns) <= 8 else None


def _spread(size: int, gap: float, middle: float) -> list[float]:
    """Heights of the circles of a column; a large layer leaves the place of two free for a gap."""
    if size <= FITS:
        return [middle + (i - (size - 1) / 2) * gap for i in range(size)]
    half = FITS // 2
    kept = [*range(half - 1), *range(half + 1, FITS)]
    return [middle + (i - (FITS - 1) / 2) * gap for i in kept]


def _column(
    place: Sequence[tuple[float, float]], column: tuple[int, str, str], number: int, middle: float
) -> str:
    size, name, _ = column
    style = "input" if number == 0 else "unit"
    circles = "".join(
        f'<circle class="{style}" cx="{x:.0f}" cy="{y:.1f}" r="10"/>' for x, y in place
    )
    dots = "".join(
        f'<circle class="dots" cx="{place[0][0]:.0f}" cy="{middle + offset:.1f}" r="1.8"/>'
        for offset in (-7, 0, 7)
        if size > FITS
    )
    return f"<g><title>{name}: {short(size)}</title>{circles}{dots}</g>"
