"""Pooling over windows, over the whole map, and upsampling."""

from __future__ import annotations

from typing import Any

from trimaran.backends.torch.reading.site import Rules, Site
from trimaran.backends.torch.reading.values import Value
from trimaran.backends.torch.reading.weighted import many
from trimaran.spec import layers as L

GLOBAL = {
    ("mean", 1): L.GlobalAveragePooling1D,
    ("mean", 2): L.GlobalAveragePooling2D,
    ("amax", 1): L.GlobalMaxPooling1D,
    ("amax", 2): L.GlobalMaxPooling2D,
}
Edges = tuple[tuple[int, int], ...]


def _max_pool(site: Site) -> Value:
    rank = int(site.node.op[-2])
    site.require(
        set(many(site["dilation"], rank)) == {1}, "its window is dilated", "use dilation=1"
    )
    value = site.channels_last(site.x())
    sides = site.node.arguments.get("around")
    edges = pairs(sides) if sides else _edges(site, value, rank)
    kind = L.MaxPooling1D if rank == 1 else L.MaxPooling2D
    return site.add(kind(*_window(site, rank), edges), value)


def _average_pool(site: Site) -> Value:
    rank = int(site.node.op[-2])
    site.require(
        site.node.arguments.get("divisor_override") is None, "it has a divisor of its own",
        "leave divisor_override out",
    )  # fmt: skip
    value = site.channels_last(site.x())
    edges = _edges(site, value, rank)
    kind = L.AveragePooling1D if rank == 1 else L.AveragePooling2D
    pads = many(site["padding"], rank)
    if any(pads) and site["count_include_pad"]:  # the zeros are averaged too
        even = tuple((p, p) for p in pads)
        site.require(edges == even, "ceil_mode with counted padding", "use ceil_mode=False")
        border = L.ZeroPadding1D(pads[0]) if rank == 1 else L.ZeroPadding2D(even)
        return site.add(kind(*_window(site, rank)), site.before(border, value, value.axes))
    return site.add(kind(*_window(site, rank), edges), value)


def _window(site: Site, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(size, strides); no stride is the size."""
    size = many(site["kernel_size"], rank)
    return size, many(site["stride"], rank) if site["stride"] not in ([], None) else size


def _edges(site: Site, value: Value, rank: int) -> Any:
    """The padding; ceil_mode pads behind the end so far that the last window fits."""
    (size, strides), pads = _window(site, rank), many(site["padding"], rank)
    sizes = site.node.shape
    assert sizes is not None
    edges = []
    for axis, (k, s, p) in enumerate(zip(size, strides, pads, strict=True)):
        last = (int(sizes[axis + 2] or 0) - 1) * s + k
        edges.append((p, max(p, last - value.shape[axis] - p)))
    return tuple(edges)


def pairs(flat: list[int]) -> Edges:
    """The list that F.pad takes, last axis first, as (before, after) per axis in order."""
    pairs = [(flat[i], flat[i + 1]) for i in range(0, len(flat), 2)]
    return tuple(reversed(pairs))


def _adaptive(site: Site) -> Value:
    rank = int(site.node.op[-2])
    value = site.channels_last(site.x())
    sizes = value.shape[:-1]
    wanted = tuple(n or s for n, s in zip(many(site["output_size"], rank), sizes, strict=True))
    if set(wanted) == {1}:
        return _whole(site, "mean", value, True)
    if wanted == sizes:
        return value
    site.require(
        all(s % n == 0 for s, n in zip(sizes, wanted, strict=True)),
        f"its windows differ in size ({sizes} into {wanted})",
        "choose an input or output size that divides evenly",
    )
    pool = tuple(s // n for s, n in zip(sizes, wanted, strict=True))
    kind = L.AveragePooling1D if rank == 1 else L.AveragePooling2D
    return site.add(kind(pool), value)


def _reduced(site: Site) -> Value:
    """mean or amax over some axes, one of which must be left."""
    value = site.x()
    dims = many(site["dim"] or [], 1)
    site.require(bool(dims), "it mixes all rows", "name the axes behind the batch")
    given = {site.axis(dim, site.rank()) for dim in dims}
    left = [axis for axis in value.axes if axis not in given]
    site.require(
        len(left) == 1 and (site.node.op, len(value.axes) - 1) in GLOBAL,
        f"it reduces {len(value.axes) - len(left)} of {len(value.axes)} axes",
        "reduce one or two axes to a row of channels",
    )
    return _whole(site, site.node.op, site.with_last(value, left[0]), bool(site["keepdim"]))


def _whole(site: Site, how: str, value: Value, keeps: bool) -> Value:
    """Global pooling. Axes of one entry are left out where only a flattening follows."""
    layer = GLOBAL[how, len(value.axes) - 1]
    if keeps and not _flattened_next(site):
        return site.add(layer(keepdims=True), value)
    channel = value.axes[-1] if keeps else 1
    return site.add(layer(), value, axes=(channel,))


def _flattened_next(site: Site) -> bool:
    """Whether nothing reads the result but functions that drop its axes of one entry."""
    name, traced = site.node.name, site.reading.traced
    readers = traced.readers(name)
    drops = ("flatten", "view", "reshape", "squeeze")
    return (
        bool(readers)
        and not traced.returned(name)
        and all(r.op in drops and r.shape is not None and len(r.shape) == 2 for r in readers)
        and not any(r.frames and r.frames[-1].kind == "Flatten" for r in readers)
    )


def _upsample(site: Site) -> Value:
    value = site.channels_last(site.x())
    made = site.node.shape or ()
    sizes = list(zip(made[2:], value.shape[:-1], strict=True))
    whole = all(isinstance(n, int) and n % s == 0 for n, s in sizes)
    site.require(whole, "its factor is no whole number", "enlarge by a whole factor")
    aligned = site.node.arguments.get("align_corners")
    site.require(not aligned, "it aligns corners", "use align_corners=False")
    factors = tuple(int(n or 0) // s for n, s in sizes)
    if len(factors) == 1:
        return site.add(L.UpSampling1D(factors[0]), value)
    how = "bilinear" if "bilinear" in site.node.op else "nearest"
    return site.add(L.UpSampling2D(factors, how), value)


RULES: Rules = {
    "adaptive_avg_pool1d": _adaptive,
    "adaptive_avg_pool2d": _adaptive,
    "amax": _reduced,
    "avg_pool1d": _average_pool,
    "avg_pool2d": _average_pool,
    "max_pool1d": _max_pool,
    "max_pool2d": _max_pool,
    "mean": _reduced,
    "upsample_bilinear2d": _upsample,
    "upsample_nearest1d": _upsample,
    "upsample_nearest2d": _upsample,
}
