"""Layers that only move, cut or repeat entries."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from trimaran.errors import DescriptionError
from trimaran.spec.layer import Illegal, Layer, Shape, known, pair, require


@dataclass(frozen=True)
class Flatten(Layer):
    """All axes into one, in channels-last order.

    Where only Dense layers read the result of a map, their weights are stored in PyTorch's
    channels-first order: `trimaran.spec.layout` states that rule.
    """

    KIND: ClassVar[str] = "flatten"

    def check(self, *shapes: Shape) -> None:
        known(shapes[0], "Flatten")

    def output(self, *shapes: Shape) -> Shape:
        size: Any = 1
        for axis in reversed(shapes[0]):  # channels first, so that a name prints before numbers
            size = axis if size == 1 else size if axis == 1 else size * axis
        return (size,)


@dataclass(frozen=True)
class Reshape(Layer):
    """The same entries, in channels-last order, in another shape; one axis may be -1."""

    target_shape: tuple[int, ...]

    KIND: ClassVar[str] = "reshape"

    def __post_init__(self) -> None:
        object.__setattr__(self, "target_shape", tuple(self.target_shape))

    def check(self, *shapes: Shape) -> None:
        size = prod(known(shapes[0], "Reshape"))
        rest = prod(axis for axis in self.target_shape if axis != -1)
        unknown = self.target_shape.count(-1)
        positive = all(axis >= 1 for axis in self.target_shape if axis != -1)
        fits = positive and unknown <= 1 and (size % rest == 0 if unknown else size == rest)
        require(fits, f"a target_shape of {size} entries", self.target_shape, "change it")

    def output(self, *shapes: Shape) -> Shape:
        size = prod(known(shapes[0]))
        rest = prod(axis for axis in self.target_shape if axis != -1)
        return tuple(size // rest if axis == -1 else axis for axis in self.target_shape)


@dataclass(frozen=True)
class Permute(Layer):
    """Axes in another order, counted from 1 as in Keras: Permute((2, 1)) transposes."""

    dims: tuple[int, ...]

    KIND: ClassVar[str] = "permute"

    def __post_init__(self) -> None:
        object.__setattr__(self, "dims", tuple(self.dims))

    def check(self, *shapes: Shape) -> None:
        axes = list(range(1, len(shapes[0]) + 1))
        require(sorted(self.dims) == axes, f"an order of {axes}", self.dims, "name each axis once")

    def output(self, *shapes: Shape) -> Shape:
        return tuple(shapes[0][axis - 1] for axis in self.dims)


def _edges(value: Any, rank: int, argument: str) -> tuple[tuple[int, int], ...]:
    """An int, or per axis an int or (before, after), as (before, after) per axis."""
    if rank == 1 and isinstance(value, tuple | list) and all(isinstance(v, int) for v in value):
        value = (tuple(value),)
    items = (value,) * rank if isinstance(value, int) else tuple(value)
    sides = tuple((v, v) if isinstance(v, int) else tuple(v) for v in items)
    if len(sides) != rank or any(len(s) != 2 or min(s) < 0 for s in sides):
        raise DescriptionError(
            f"{argument}: expected an int, or {rank} ints or (before, after) pairs, got {value!r}."
        )
    return tuple((s[0], s[1]) for s in sides)


@dataclass(frozen=True)
class _Border(Layer):
    """What padding and cropping share."""

    RANK: ClassVar[int]

    def check(self, *shapes: Shape) -> None:
        axes = {1: "(steps, channels)", 2: "(height, width, channels)"}[self.RANK]
        require(len(shapes[0]) == self.RANK + 1, f"input {axes}", shapes[0], "Reshape it")
        left = self.output(*shapes)[:-1]
        fits = all(n is None or n >= 1 for n in left)
        require(fits, "something left after cropping", left, "crop less")

    def _grown(self, shape: Shape, edges: tuple[tuple[int, int], ...], sign: int) -> Shape:
        sizes = zip(shape[:-1], edges, strict=True)
        return (*(None if n is None else n + sign * sum(e) for n, e in sizes), shape[-1])


@dataclass(frozen=True)
class ZeroPadding1D(_Border):
    """Zeros before and after the steps."""

    padding: Any = 1

    KIND: ClassVar[str] = "pad"
    RANK: ClassVar[int] = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "padding", _edges(self.padding, 1, "padding"))

    def output(self, *shapes: Shape) -> Shape:
        return self._grown(shapes[0], self.padding, 1)


@dataclass(frozen=True)
class ZeroPadding2D(_Border):
    """Zeros around the map: an int, (rows, columns) or ((top, bottom), (left, right))."""

    padding: Any = 1

    KIND: ClassVar[str] = "pad"
    RANK: ClassVar[int] = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "padding", _edges(self.padding, 2, "padding"))

    def output(self, *shapes: Shape) -> Shape:
        return self._grown(shapes[0], self.padding, 1)


@dataclass(frozen=True)
class Cropping1D(_Border):
    """Drops steps at both ends."""

    cropping: Any = 1

    KIND: ClassVar[str] = "crop"
    RANK: ClassVar[int] = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "cropping", _edges(self.cropping, 1, "cropping"))

    def output(self, *shapes: Shape) -> Shape:
        return self._grown(shapes[0], self.cropping, -1)


@dataclass(frozen=True)
class Cropping2D(_Border):
    """Drops rows and columns at the edges."""

    cropping: Any = 1

    KIND: ClassVar[str] = "crop"
    RANK: ClassVar[int] = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "cropping", _edges(self.cropping, 2, "cropping"))

    def output(self, *shapes: Shape) -> Shape:
        return self._grown(shapes[0], self.cropping, -1)


@dataclass(frozen=True)
class UpSampling1D(Layer):
    """Each step repeated `size` times."""

    size: int = 2

    KIND: ClassVar[str] = "up"

    def check(self, *shapes: Shape) -> None:
        require(len(shapes[0]) == 2, "input (steps, channels)", shapes[0], "Reshape it")
        require(self.size >= 1, "a size of 1 or more", self.size, "give the factor")

    def output(self, *shapes: Shape) -> Shape:
        steps, channels = shapes[0]
        return (None if steps is None else steps * self.size, channels)


@dataclass(frozen=True)
class UpSampling2D(Layer):
    """A larger map: each pixel repeated, or bilinear between pixel centres."""

    size: Any = 2
    interpolation: str = "nearest"

    KIND: ClassVar[str] = "up"

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", pair(self.size, 2, "size"))

    def check(self, *shapes: Shape) -> None:
        require(len(shapes[0]) == 3, "input (height, width, channels)", shapes[0], "Reshape it")
        require(min(self.size) >= 1, "sizes of 1 or more", self.size, "give the factors")
        if self.interpolation not in ("nearest", "bilinear"):
            raise Illegal('interpolation "nearest" or "bilinear"', self.interpolation, "choose one")

    def output(self, *shapes: Shape) -> Shape:
        sizes = zip(shapes[0][:-1], self.size, strict=True)
        return (*(None if n is None else n * s for n, s in sizes), shapes[0][-1])
