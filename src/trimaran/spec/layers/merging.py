"""Layers that join several tensors, given as a list: `Add()([a, b])`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trimaran.spec.layer import Layer, Padded, Shape, count, require


@dataclass(frozen=True)
class _Elementwise(Layer):
    """Entry by entry; axes of size 1 stretch (broadcasting)."""

    KIND: ClassVar[str] = "merge"
    INPUTS: ClassVar[int | None] = None

    def check(self, *shapes: Shape) -> None:
        require(len(shapes) >= 2, "two tensors or more", len(shapes), "give them as a list")
        ranks = {len(shape) for shape in shapes}
        require(len(ranks) == 1, "tensors of equal rank", shapes, "Reshape one of them")
        for sizes in zip(*shapes, strict=True):
            require(
                len({s for s in sizes if s != 1}) <= 1,
                "axes that agree or are 1",
                shapes,
                "make the shapes agree, for example by a 1×1 convolution",
            )

    def output(self, *shapes: Shape) -> Shape:
        return tuple(
            next((s for s in sizes if s != 1), sizes[0]) for sizes in zip(*shapes, strict=True)
        )

    def flops(self, *shapes: Shape) -> int:
        return (len(shapes) - 1) * count(self.output(*shapes))

    def over_padding(self) -> Padded | None:
        return Padded()


@dataclass(frozen=True)
class Add(_Elementwise):
    """The sum of its inputs; `a + b` on symbolic tensors is the same."""

    KIND: ClassVar[str] = "add"


@dataclass(frozen=True)
class Multiply(_Elementwise):
    """The product of its inputs; `a * b` on symbolic tensors is the same."""

    KIND: ClassVar[str] = "multiply"


@dataclass(frozen=True)
class Subtract(_Elementwise):
    """The first of two inputs less the second; `a - b` on symbolic tensors is the same."""

    KIND: ClassVar[str] = "subtract"

    def check(self, *shapes: Shape) -> None:
        require(len(shapes) == 2, "two tensors", len(shapes), "give them as a list")
        super().check(*shapes)


@dataclass(frozen=True)
class Concatenate(Layer):
    """Its inputs one after another along `axis` (Keras counts the batch as axis 0)."""

    axis: int = -1

    KIND: ClassVar[str] = "concat"
    INPUTS: ClassVar[int | None] = None

    def check(self, *shapes: Shape) -> None:
        require(len(shapes) >= 2, "two tensors or more", len(shapes), "give them as a list")
        rank = len(shapes[0])
        require(
            {len(shape) for shape in shapes} == {rank},
            "tensors of equal rank",
            shapes,
            "Reshape one of them",
        )
        in_range = 1 <= self.axis <= rank or -rank <= self.axis <= -1
        require(in_range, f"an axis from 1 to {rank}, or from -{rank}", self.axis, "change axis")
        position = self.position(rank)
        rest = {shape[:position] + shape[position + 1 :] for shape in shapes}
        require(len(rest) == 1, "equal sizes on all other axes", shapes, "pad or crop one of them")

    def output(self, *shapes: Shape) -> Shape:
        position = self.position(len(shapes[0]))
        sizes = [shape[position] for shape in shapes]
        total: int | None = None
        if all(size is not None for size in sizes):
            total = sizes[0]
            for size in sizes[1:]:
                total = (total or 0) + (size or 0)
        return (*shapes[0][:position], total, *shapes[0][position + 1 :])

    def over_padding(self) -> Padded | None:
        return Padded() if self.axis in (-1, 2) else None

    def position(self, rank: int) -> int:
        """The axis counted from 0 without the batch."""
        return self.axis + rank if self.axis < 0 else self.axis - 1
