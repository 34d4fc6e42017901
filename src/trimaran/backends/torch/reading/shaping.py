"""Operations that move, cut, or regroup entries."""

from __future__ import annotations

from collections.abc import Sequence

from trimaran.backends.torch.reading.nodes import MIXED, Node
from trimaran.backends.torch.reading.pooling import pairs
from trimaran.backends.torch.reading.site import Rules, Site
from trimaran.backends.torch.reading.values import Axes, Step, Value, channels_first, identity
from trimaran.spec import layers as L

END = 2**63 - 1
"""What a slice without an end holds."""


def _permute(site: Site) -> Value:
    rank = site.rank()
    order = [dim + rank + 1 if dim < 0 else dim for dim in site["dims"]]
    return _moved(site, order)


def _transpose(site: Site) -> Value:
    rank = site.rank()
    order = list(range(rank + 1))
    a, b = ((dim + rank + 1 if dim < 0 else dim) for dim in (site["dim0"], site["dim1"]))
    order[a], order[b] = order[b], order[a]
    return _moved(site, order)


def _moved(site: Site, order: list[int]) -> Value:
    """A permute is bookkeeping: the value stays, its axes are PyTorch's others."""
    value = site.value(site.node.refs[0], anywhere=True)
    axes = tuple(order.index(axis) for axis in value.axes)
    return Value(value.number, value.shape, axes, order.index(value.batch))


def _reshape(site: Site) -> Value:
    """view, reshape, flatten, squeeze and the like, by the shape that comes out."""
    shape = site.node.shape or (MIXED,)
    site.require(
        shape[0] is None and all(isinstance(size, int) for size in shape[1:]),
        "it mixes the rows of the batch",
        "keep the batch's axis: x.flatten(1), or x.view(x.size(0), ...)",
    )
    target = [int(size or 0) for size in shape[1:]]
    value = site.x()
    sizes = [int(size) for size in site.sizes(site.node.refs[0].name)[1:]]
    if [n for n in sizes if n > 1] == [n for n in target if n > 1]:
        return _with_units(site, value, sizes, target)
    if len(target) == 1:
        return _flatten(site, value)
    value = full(site, value, len(sizes))
    order = _regrouped(value.axes, sizes, target)
    if order is None:
        value, order = site.arranged(value, identity(len(sizes))), identity(len(target))
    return site.add(L.Reshape(tuple(target[axis - 1] for axis in order)), value, axes=order)


def full(site: Site, value: Value, rank: int) -> Value:
    """The value with all of PyTorch's axes, those of one entry too."""
    if len(value.axes) == rank:
        return value
    sizes = [value.shape[value.axes.index(a)] if a in value.axes else 1 for a in identity(rank)]
    return _with_units(site, value, sizes, sizes)


def _with_units(site: Site, value: Value, sizes: list[int], target: list[int]) -> Value:
    """Axes of one entry come or go; the others keep the order that they have in the value."""
    old = [axis for axis in identity(len(sizes)) if sizes[axis - 1] > 1]
    new = [axis for axis in identity(len(target)) if target[axis - 1] > 1]
    kept = [new[old.index(axis)] for axis in value.axes if axis in old]
    rank = len(target)
    usual = (channels_first(rank), identity(rank))
    units = tuple(axis for axis in identity(rank) if axis not in kept)
    order = next((o for o in usual if [a for a in o if a in kept] == kept), (*kept, *units))
    shape = tuple(target[axis - 1] for axis in order)
    if shape == value.shape:
        return Value(value.number, value.shape, order)
    layer = L.Flatten() if rank == 1 else L.Reshape(shape)
    return site.add(layer, value, axes=order)


def _flatten(site: Site, value: Value) -> Value:
    """All axes into one. A map that only Dense layers read keeps PyTorch's order by rule of the
    description (`spec.layout`); whether it does is known when the model stands, and if not, the
    node is read again with its order written out."""
    own, name = identity(len(value.axes)), site.node.name
    if name in site.reading.explicit and value.axes == own:
        return site.add(L.Reshape((-1,)), value, axes=(1,))
    if value.axes not in (own, channels_first(len(own))) or name in site.reading.explicit:
        value = site.arranged(value, own)
    made = site.add(L.Flatten(), value, axes=(1,))
    wanted = "last" if value.axes == own else "first"
    site.reading.flattened[made.number] = (name, wanted)
    return made


def _regrouped(axes: Axes, sizes: Sequence[int], target: Sequence[int]) -> Axes | None:
    """The order of the target's axes, where each group of axes that is split or merged stands
    together in the value; None where one does not."""
    found: list[tuple[int, list[int]]] = []
    for old, new in _groups(sizes, target):
        positions = [axes.index(axis) for axis in old]
        if positions != list(range(positions[0], positions[0] + len(positions))):
            return None
        found.append((positions[0], new))
    return tuple(axis for _, new in sorted(found) for axis in new)


def _groups(sizes: Sequence[int], target: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Runs of axes (from 1) on both sides that hold equally many entries."""
    found: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(sizes) or j < len(target):
        old: list[int] = []
        new: list[int] = []
        have, want = 1, 1
        while not (old and new and have == want):
            if (have <= want and i < len(sizes)) or j == len(target):
                have, i = have * sizes[i], i + 1
                old.append(i)
            else:
                want, j = want * target[j], j + 1
                new.append(j)
        found.append((old, new))
        if i == len(sizes) or j == len(target):  # what is left over has one entry each
            found[-1][0].extend(range(i + 1, len(sizes) + 1))
            found[-1][1].extend(range(j + 1, len(target) + 1))
            break
    return found


def _pad(site: Site) -> Value:
    site.require(
        site.node.arguments.get("mode", "constant") == "constant" and not site["value"],
        "it pads with something else than zeros",
        "pad with zeros (before max pooling, use its own padding)",
    )
    value = site.x()
    rank = site.rank()
    given = dict(zip(range(rank, 0, -1), reversed(pairs(site["pad"])), strict=False))
    edges = {axis: pair for axis, pair in given.items() if any(pair)}
    padded = _bordered(site, value, {a: _over(p, 1) for a, p in edges.items()}, "pad")
    return _bordered(site, padded, {a: _over(p, -1) for a, p in edges.items()}, "crop")


def _over(pair: tuple[int, int], sign: int) -> tuple[int, int]:
    return max(sign * pair[0], 0), max(sign * pair[1], 0)


def _bordered(site: Site, value: Value, edges: dict[int, tuple[int, int]], what: str) -> Value:
    """Zeros around the map, or its border cut off."""
    if not any(map(any, edges.values())):
        return value
    rank = len(value.axes) - 1
    axes = value.axes
    if axes[-1] in edges and rank in (1, 2) and 1 not in edges:
        value = site.channels_last(value)
        axes = value.axes
    site.require(
        rank in (1, 2) and axes[-1] not in edges,
        f"it {what}s other axes than those of a map",
        f"{what} height and width, or the steps, alone",
    )
    sides = tuple(edges.get(axis, (0, 0)) for axis in axes[:-1])
    if what == "pad":
        return site.add((L.ZeroPadding1D if rank == 1 else L.ZeroPadding2D)(sides), value)
    return _cropped(site, value, sides)


def _cropped(site: Site, value: Value, sides: tuple[tuple[int, int], ...]) -> Value:
    """Slices of several axes, which Python makes one after another, are one layer."""
    steps = site.reading.steps
    kind = L.Cropping1D if len(sides) == 1 else L.Cropping2D
    last = steps[-1] if steps else None
    if last and last.made == value.number and isinstance(last.layer, kind) and _alone(site, last):
        sides = tuple(
            (a + c, b + d) for (a, b), (c, d) in zip(last.layer.cropping, sides, strict=True)
        )
        steps.pop()
        known = (*site.reading.inputs, *(_of(step) for step in steps))
        before = next(v for v in known if v.number == last.inputs[0])
        value = Value(before.number, before.shape, value.axes)
    return site.add(kind(sides), value)


def _of(step: Step) -> Value:
    return Value(step.made, step.shape, step.axes)


def _alone(site: Site, last: Step) -> bool:
    """Whether this operation alone reads what the last step made, in the same module."""
    (ref,) = site.node.refs
    traced = site.reading.traced
    single = len(traced.readers(ref.name)) == 1 and not traced.returned(ref.name)
    return single and last.frames == site.node.frames


def whole_slice(node: Node) -> bool:
    """Whether it is a slice that takes all there is."""
    given = node.arguments
    begins = node.op == "slice" and given["start"] in (None, 0) and given["step"] == 1
    return begins and given["end"] in (None, END)


def _select(site: Site) -> Value:
    """One step, or one row of a map: all others cut off, and the axis of one entry left out."""
    rank, value = site.rank(), site.x()
    dim = site.axis(site["dim"], rank)
    sizes = [int(size) for size in site.sizes(site.node.refs[0].name)[1:]]
    index = site["index"] + sizes[dim - 1] if site["index"] < 0 else site["index"]
    value = _bordered(site, value, {dim: (index, sizes[dim - 1] - 1 - index)}, "crop")
    sizes[dim - 1] = 1
    return _with_units(site, value, sizes, [n for i, n in enumerate(sizes) if i != dim - 1])


def _slice(site: Site) -> Value:
    x, rank = site.x(), site.rank()
    dim = site["dim"] + rank + 1 if site["dim"] < 0 else site["dim"]
    start, end = site["start"] or 0, END if site["end"] is None else site["end"]
    site.require(site["step"] == 1, "it takes every so many entries", "use a strided pooling")
    if start == 0 and end == END:
        return x
    size = site.sizes(site.node.refs[0].name)[dim]
    site.require(isinstance(size, int), "it takes some rows of the batch", "keep all rows")
    start, end = (min(v + size if v < 0 else v, size) for v in (start, end))
    if (start, end) == (0, size):
        return x
    return _bordered(site, x, {dim: (start, size - end)}, "crop")


RULES: Rules = {
    "constant_pad_nd": _pad,
    "flatten": _reshape,
    "pad": _pad,
    "permute": _permute,
    "reshape": _reshape,
    "select": _select,
    "slice": _slice,
    "squeeze": _reshape,
    "swapaxes": _transpose,
    "transpose": _transpose,
    "unflatten": _reshape,
    "unsqueeze": _reshape,
    "view": _reshape,
}

VIEWS = frozenset(RULES) - {"pad", "constant_pad_nd"} | {"expand", "expand_as"}
"""Operations whose result may share memory with what they took."""
