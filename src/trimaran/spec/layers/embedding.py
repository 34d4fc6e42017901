"""Rows of a table, looked up by number: words, characters, categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trimaran.spec.initializers import Initializer, initializer
from trimaran.spec.layer import Layer, Parameter, Shape, require, whole


@dataclass(frozen=True)
class Embedding(Layer):
    """The row of `weight` (input_dim, output_dim) with each number's index.

    Shapes: whole numbers (...) from 0 to input_dim - 1 → (..., output_dim). The input is of
    integers: `Input((length,), dtype="int32")`.
    """

    input_dim: int
    output_dim: int
    embeddings_initializer: str | Initializer = "random_uniform"

    KIND: ClassVar[str] = "embedding"
    TAKES: ClassVar[str] = "int32"

    def check(self, *shapes: Shape) -> None:
        for name in ("input_dim", "output_dim"):
            value = getattr(self, name)
            require(whole(value), f"{name} of 1 or more", value, "give the sizes of the table")

    def output(self, *shapes: Shape) -> Shape:
        return (*shapes[0], self.output_dim)

    def parameters(self, *shapes: Shape) -> tuple[Parameter, ...]:
        fan = (int(self.input_dim), int(self.output_dim))
        initial = initializer(self.embeddings_initializer)
        return (Parameter("weight", (self.input_dim, self.output_dim), initial, fan),)
