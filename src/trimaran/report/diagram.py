"""The model as a picture: circles and lines for dense nets (Figure 1), else a chain of boxes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from trimaran.report.numbers import short
from trimaran.report.svg import picture, text
from trimaran.spec import Leaf, Model

LONGEST = 20  # boxes; a longer chain shows each block as one box
FITS = 10  # circles in a column; a larger layer is drawn with a gap
SIDE = ("Activation", "Dropout", "Flatten")  # layers that add no column to Figure 1


@dataclass(frozen=True)
class Box:
    """One box of the chain; `glyph` draws the volume of its output."""

    kind: str
    path: str
    detail: str
    shape: str
    parameters: int
    glyph: Markup


def chain(model: Model) -> tuple[Box, ...]:
    """The inputs, then the layers in call order, each activation within the layer before it."""
    sizes = _sizes(model)
    inputs = [
        Box("Input", port.name, "", _shape(shape), 0, _glyph(shape))
        for port, shape in zip(model.inputs, model.shapes, strict=False)
    ]
    groups = _merged(model.leaves)
    if len(groups) > LONGEST:
        groups = _blocks(groups)
    return tuple(inputs) + tuple(_box(group, sizes) for group in groups)


def _sizes(model: Model) -> dict[str, int]:
    """Trainable parameters by the path of their layer; a shared layer counts once."""
    sizes: dict[str, int] = {}
    for key, parameter in model.parameters.items():
        path = key.rpartition(".")[0]
        sizes[path] = sizes.get(path, 0) + (parameter.size if parameter.trainable else 0)
    return sizes


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


def _box(group: Sequence[Leaf], sizes: dict[str, int]) -> Box:
    first, last = group[0], group[-1]
    parameters = sum(sizes.get(path, 0) for path in {leaf.path for leaf in group})
    parts = [leaf for leaf in group if type(leaf.layer).__name__ != "Activation"]
    if len(parts) > 1:
        kind, path, detail = "Block", _root(group), f"{len(parts)} layers"
    else:
        kind, path = _kind(first), first.path
        detail = " · ".join([*_details(first), *(_kind(leaf) for leaf in group[1:])])
    shape = last.out_shape
    return Box(kind, path, detail, _shape(shape), parameters, _glyph(shape))


def _kind(leaf: Leaf) -> str:
    name = type(leaf.layer).__name__
    return str(leaf.layer.settings()["activation"]) if name == "Activation" else name


def _details(leaf: Leaf) -> list[str]:
    """The arguments that a reader looks for first."""
    settings = leaf.layer.settings()
    found = []
    for key in ("kernel_size", "pool_size"):
        if key in settings:
            value = settings[key]
            sizes = value if isinstance(value, tuple) else (value,)
            found.append("×".join(str(size) for size in sizes))
    strides = settings.get("strides")
    sizes = strides if isinstance(strides, tuple) else (strides,)
    if "kernel_size" in settings and any(size not in (None, 1) for size in sizes):
        found.append(f"stride {'×'.join(map(str, sizes))}")
    if "rate" in settings:
        found.append(f"rate {settings['rate']}")
    return found


def _shape(shape: Sequence[int | None]) -> str:
    return " × ".join("any" if size is None else str(size) for size in shape) or "one number"


def _glyph(shape: Sequence[int | None]) -> Markup:
    """A box as tall as the map and as deep as the channels are many, on logarithmic scales."""
    known = [size or 1 for size in shape] or [1]
    channels = known[-1]
    side = 6 + 5.2 * math.log2(max(known[0], 1)) if len(known) > 1 else 5.0
    deep = 3 + 2.6 * math.log2(channels) if len(known) > 1 else 6 + 4.2 * math.log2(channels)
    if len(known) == 1:
        return picture(
            76, 52, f'<rect class="face" x="34" y="{26 - deep / 2:.1f}" width="8" '
            f'height="{deep:.1f}" rx="2"/>', "vector", "glyph",
        )  # fmt: skip
    x, y = 38 - (side * 0.62 + deep) / 2, 28 - side / 2 + 1
    slope = side * 0.32
    front = f"M{x:.1f} {y + slope:.1f}l{side * 0.62:.1f} -{slope:.1f}v{side * 0.78:.1f}"
    front += f"l-{side * 0.62:.1f} {slope:.1f}z"
    top = f"M{x:.1f} {y + slope:.1f}l{side * 0.62:.1f} -{slope:.1f}h{deep:.1f}"
    top += f"l-{side * 0.62:.1f} {slope:.1f}z"
    lid = f"M{x + deep:.1f} {y + slope:.1f}v{side * 0.78:.1f}h-{deep:.1f}v-{side * 0.78:.1f}z"
    body = f'<path class="back" d="{lid}"/><path class="back" d="{top}"/>'
    right = f"M{x + deep:.1f} {y + slope:.1f}" + front.split("z")[0][front.index("l") :] + "z"
    return picture(76, 56, body + f'<path class="face" d="{right}"/>', "volume", "glyph")


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
            columns[-1] = (size, name, _kind(leaf))
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
