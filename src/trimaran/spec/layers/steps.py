"""Padded sequences: which steps of a row hold data.

Rows of a batch are of unequal length, so the shorter ones are padded behind their last step. A
layer that must know takes one more input, int32: either the number of each row's steps, shape (),
or a mark for each step, shape (time,), that is 0 in the padding and nowhere else (the numbers of
the tokens are such marks). A row without any step counts its first one, on every backend.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trimaran.spec.layer import Layer, Padded, Shape, require

STEPS = "int32"


@dataclass(frozen=True)
class MaskSteps(Layer):
    """Sets the padding to 0: (time, features) and the steps → (time, features)."""

    KIND: ClassVar[str] = "mask"
    INPUTS: ClassVar[int | None] = None

    def check(self, *shapes: Shape) -> None:
        check_steps(shapes, 1, masked=True)
        require(len(shapes[0]) == 2, "a sequence (time, features)", shapes[0], "Reshape it")

    def kinds(self, count: int) -> tuple[str, ...]:
        return taking(super().kinds(count), masked=True)

    def over_padding(self) -> Padded | None:
        return Padded()


def given_steps(shapes: tuple[Shape, ...], masked: bool) -> tuple[Shape, ...]:
    """The inputs without what says which steps hold data."""
    return shapes[:-1] if masked else shapes


def taking(kinds: tuple[str, ...], masked: bool) -> tuple[str, ...]:
    """The dtypes of the inputs, of which the last are the steps where the layer is masked."""
    return (*kinds[:-1], STEPS) if masked else kinds


def check_steps(shapes: tuple[Shape, ...], others: int, masked: bool) -> None:
    """Hold that behind `others` inputs stand the steps, and only where the layer is masked."""
    wanted = others + masked
    require(len(shapes) == wanted, f"{wanted} tensors", len(shapes), "set masked for the steps")
    if masked:
        time, steps = shapes[0][0], shapes[-1]
        fits = steps == () or (len(steps) == 1 and time in (steps[0], None) or steps == (None,))
        require(fits, f"steps of shape () or ({time},)", steps, "give the tokens or their number")
