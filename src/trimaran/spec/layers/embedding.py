"""Numbers of words, characters or categories as vectors: looked up in a table, or one-hot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trimaran.spec.initializers import Initializer, initializer
from trimaran.spec.layer import Layer, Padded, Parameter, Shape, require, whole


@dataclass(frozen=True)
class Embedding(Layer):
    """The row of `weight` (input_dim, output_dim) with each number's index.

    Shapes: whole numbers (...) from 0 to input_dim - 1 → (..., output_dim). The input is of
    integers: `Input((length,), dtype="int32")`.

    mask_zero: number 0 is padding, which stands behind the last step of a row. The layers after it
        leave it out, and those that cannot are refused.
    padding_index: the number whose row does not learn: it has no gradient and stays as it is
    """

    input_dim: int
    output_dim: int
    embeddings_initializer: str | Initializer = "random_uniform"
    mask_zero: bool = False
    padding_index: int | None = None

    KIND: ClassVar[str] = "embedding"
    TAKES: ClassVar[str] = "int32"

    def check(self, *shapes: Shape) -> None:
        for name in ("input_dim", "output_dim"):
            value = getattr(self, name)
            require(whole(value), f"{name} of 1 or more", value, "give the sizes of the table")
        index = self.padding_index
        fits = index is None or (whole(index + 1) and index < self.input_dim)
        require(fits, "padding_index from 0 to input_dim - 1", index, "give one of the numbers")
        if self.mask_zero:
            require(len(shapes[0]) == 1, "a sequence (time,)", shapes[0], "mask_zero needs steps")

    def output(self, *shapes: Shape) -> Shape:
        return (*shapes[0], self.output_dim)

    def over_padding(self) -> Padded | None:
        return Padded()

    def parameters(self, *shapes: Shape) -> tuple[Parameter, ...]:
        fan = (int(self.input_dim), int(self.output_dim))
        initial = initializer(self.embeddings_initializer)
        return (Parameter("weight", (self.input_dim, self.output_dim), initial, fan),)


@dataclass(frozen=True)
class OneHot(Layer):
    """Each number as a vector with a 1 at its place and 0 elsewhere.

    Shapes: whole numbers (...) from 0 to depth - 1 → (..., depth). It has no arrays: a Dense or a
    recurrent layer behind it looks up columns of its own.
    """

    depth: int

    KIND: ClassVar[str] = "onehot"
    TAKES: ClassVar[str] = "int32"

    def check(self, *shapes: Shape) -> None:
        told = "the number of different numbers"
        require(whole(self.depth), "depth of 1 or more", self.depth, f"give {told}")

    def output(self, *shapes: Shape) -> Shape:
        return (*shapes[0], self.depth)

    def over_padding(self) -> Padded | None:
        return Padded()
