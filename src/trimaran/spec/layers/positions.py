"""Positions added to a sequence, without which attention knows no order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trimaran.spec.initializers import Initializer, initializer
from trimaran.spec.layer import Layer, Padded, Parameter, Shape, count, known, require, whole
from trimaran.spec.layers.attention import sequence


@dataclass(frozen=True, kw_only=True)
class Positions(Layer):
    """What the two share: (time, features) → (time, features), to step t its own numbers added;
    sequences beside each other, (rows, time, features), get the same.

    `cached` is the form that goes on a step at a time (see `spec.stepping`): (x, at) → (y, at + 1)
    with x (1, features) and `at` (1,).
    """

    cached: bool = False

    KIND: ClassVar[str] = "positions"
    INPUTS: ClassVar[int | None] = None

    def count_outputs(self) -> int:
        return 1 + self.cached

    def check(self, *shapes: Shape) -> None:
        told = "a step and its position" if self.cached else "one sequence"
        require(len(shapes) == 1 + self.cached, told, f"{len(shapes)} tensors", "give that")
        sequence(shapes[0], beside=not self.cached)

    def outputs(self, *shapes: Shape) -> tuple[Shape, ...]:
        return shapes

    def over_padding(self) -> Padded | None:
        """Padding stands behind the last step, so that the first step that holds data is step 0."""
        return Padded()

    def kept(self, shape: Shape) -> dict[str, Shape]:
        """What goes on from step to step."""
        return {"at": (1,)}

    def flops(self, *shapes: Shape) -> int:
        return count(shapes[0])


@dataclass(frozen=True)
class PositionEmbedding(Positions):
    """Adds row t of `weight` (sequence_length, features), which is learned, to step t (Gehring et
    al. 2017). A sequence has at most `sequence_length` steps."""

    sequence_length: int
    embeddings_initializer: str | Initializer = "random_uniform"

    def check(self, *shapes: Shape) -> None:
        super().check(*shapes)
        length = self.sequence_length
        require(whole(length), "sequence_length of 1 or more", length, "give the longest sequence")
        time = shapes[0][-2]
        told = f"at most {length} steps"
        require(time is None or time <= length, told, time, "raise sequence_length")

    def parameters(self, *shapes: Shape) -> tuple[Parameter, ...]:
        size = (self.sequence_length, known(shapes[0][-1:])[0])
        fan = (int(size[0]), int(size[1]))
        return (Parameter("weight", size, initializer(self.embeddings_initializer), fan),)


@dataclass(frozen=True)
class SinePositionEncoding(Positions):
    """Adds to step t, at feature j, sin (j even) or cos (j odd) of t / max_wavelength^(2⌊j/2⌋ /
    features) (Vaswani et al. 2017, §3.5)."""

    max_wavelength: float = 10_000.0

    def check(self, *shapes: Shape) -> None:
        super().check(*shapes)
        longest = self.max_wavelength
        require(longest > 0, "max_wavelength above 0", longest, "10000 is usual")
