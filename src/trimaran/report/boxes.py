"""One box of a diagram: what a layer or a group of layers is, in a few words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from trimaran.report.svg import picture
from trimaran.spec import Leaf, Model
from trimaran.spec.layers import Rescaling


@dataclass(frozen=True)
class Box:
    """One box of the chain; `glyph` draws the volume of its output."""

    kind: str
    path: str
    detail: str
    shape: str
    parameters: int
    glyph: Markup


def sizes_of(model: Model) -> dict[str, int]:
    """Trainable parameters by the path of their layer; a shared layer counts once."""
    sizes: dict[str, int] = {}
    for key, parameter in model.parameters.items():
        path = key.rpartition(".")[0].removesuffix(".out_proj")  # attention's own
        sizes[path] = sizes.get(path, 0) + (parameter.size if parameter.trainable else 0)
    return sizes


def box_of(group: Sequence[Leaf], words: tuple[str, str, str], sizes: Mapping[str, int]) -> Box:
    """The box of a group of layers; `words` are its kind, path and detail."""
    parameters = sum(sizes.get(path, 0) for path in {leaf.path for leaf in group})
    shape = group[-1].out_shape
    return Box(*words, shape_of(shape), parameters, glyph_of(shape))


def kind_of(leaf: Leaf) -> str:
    """The layer's kind; an activation is called by its function."""
    name = type(leaf.layer).__name__
    return str(leaf.layer.settings()["activation"]) if name == "Activation" else name


def details_of(leaf: Leaf) -> list[str]:
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
        steps = sizes[:1] if len(set(sizes)) == 1 else sizes
        found.append(f"stride {'×'.join(map(str, steps))}")
    if isinstance(leaf.layer, Rescaling):
        scale, offset = (f"{settings[key]:.4g}" for key in ("scale", "offset"))
        found.append(f"{scale} x" if offset == "0" else f"{scale} x + {offset}")
    if "rate" in settings:
        found.append(f"rate {settings['rate']}")
    return found


def shape_of(shape: Sequence[int | None]) -> str:
    """A shape in words."""
    return " × ".join("any" if size is None else str(size) for size in shape) or "one number"


def glyph_of(shape: Sequence[int | None]) -> Markup:
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
