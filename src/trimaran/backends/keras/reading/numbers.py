"""Operations of keras.ops on a tensor and a plain number, as people write them: 2 * x - 1."""

from __future__ import annotations

from collections.abc import Callable

from trimaran.backends.keras.reading.words import Refused, refuse
from trimaran.spec.layers import Rescaling


def by_number(kind: str, number: float, first: bool) -> Rescaling:
    """The operation's layer; `first` says that the number stands first, as in 1 - x.

    Raises `Refused` for an operation that does not scale or shift.
    """
    if kind not in BY_NUMBER:
        raise Refused(
            f"keras.ops.{kind.lower()} with the number {number!r} has no description; build this "
            "part of layers that have one"
        )
    return BY_NUMBER[kind](number, first)


def _plus(number: float, first: bool) -> Rescaling:
    return Rescaling(1.0, number)


def _times(number: float, first: bool) -> Rescaling:
    return Rescaling(number)


def _minus(number: float, first: bool) -> Rescaling:
    return Rescaling(-1.0, number) if first else Rescaling(1.0, -number)


def _divided(number: float, first: bool) -> Rescaling:
    refuse(first, "it divides by a tensor, which has no description; multiply by a layer")
    refuse(number == 0, "it divides by 0; give another number")
    return Rescaling(1.0 / number)


BY_NUMBER: dict[str, Callable[[float, bool], Rescaling]] = {
    "Add": _plus,
    "Divide": _divided,
    "Multiply": _times,
    "Subtract": _minus,
    "TrueDivide": _divided,
}
"""Operations by their class."""
