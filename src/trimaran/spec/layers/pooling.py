"""Pooling over windows, and over the whole map."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from trimaran.spec.layer import Layer, Padded, Shape, count, pair, require
from trimaran.spec.layers.steps import check_steps, taking
from trimaran.spec.layers.windows import check_windows, padding_of, windows


@dataclass(frozen=True)
class _Pool(Layer):
    """What pooling over windows shares. strides default to pool_size, as in Keras."""

    pool_size: Any = 2
    strides: Any = None
    padding: Any = "valid"

    KIND: ClassVar[str] = "pool"
    RANK: ClassVar[int]

    def __post_init__(self) -> None:
        strides = self.pool_size if self.strides is None else self.strides
        object.__setattr__(self, "pool_size", pair(self.pool_size, self.RANK, "pool_size"))
        object.__setattr__(self, "strides", pair(strides, self.RANK, "strides"))
        object.__setattr__(self, "padding", padding_of(self.padding, self.RANK))

    def check(self, *shapes: Shape) -> None:
        ones = (1,) * self.RANK
        check_windows(self.RANK, self.padding, shapes[0], self.pool_size, self.strides, ones)
        if not isinstance(self.padding, str):
            fits = all(2 * max(p) <= k for p, k in zip(self.padding, self.pool_size, strict=True))
            expected = "padding of at most half the window"
            require(fits, expected, self.padding, "or a window could hold no pixel at all")

    def output(self, *shapes: Shape) -> Shape:
        ones = (1,) * self.RANK
        sizes = windows(self.padding, shapes[0][:-1], self.pool_size, self.strides, ones)
        return (*sizes, shapes[0][-1])

    def flops(self, *shapes: Shape) -> int:
        return count(self.output(*shapes)) * prod(int(k) for k in self.pool_size)


@dataclass(frozen=True)
class MaxPooling1D(_Pool):
    """The largest entry of each window; padding counts as minus infinity."""

    RANK: ClassVar[int] = 1


@dataclass(frozen=True)
class MaxPooling2D(_Pool):
    """The largest entry of each window (chapter §IV, P_max); padding counts as minus infinity.

    The gradient of a tie goes to the first largest entry in row order.
    """

    RANK: ClassVar[int] = 2


@dataclass(frozen=True)
class AveragePooling1D(_Pool):
    """The mean of each window; padding is not counted."""

    RANK: ClassVar[int] = 1


@dataclass(frozen=True)
class AveragePooling2D(_Pool):
    """The mean of each window; padding is not counted."""

    RANK: ClassVar[int] = 2


@dataclass(frozen=True)
class _MapPool(Layer):
    """What pooling over a whole map shares: (height, width, channels) → (channels,)."""

    keepdims: bool = False

    KIND: ClassVar[str] = "pool"
    RANK: ClassVar[int] = 2

    def check(self, *shapes: Shape) -> None:
        axes = "(height, width, channels)"
        require(len(shapes[0]) == 3, f"input {axes}", shapes[0], "Reshape it")

    def output(self, *shapes: Shape) -> Shape:
        return (*((1, 1) if self.keepdims else ()), shapes[0][-1])

    def flops(self, *shapes: Shape) -> int:
        return count(shapes[0])


@dataclass(frozen=True)
class _StepPool(Layer):
    """What pooling over a sequence shares: (steps, channels) → (channels,). `masked`: the last
    input says which steps hold data, and the others are left out (see `spec.layers.steps`)."""

    keepdims: bool = False
    masked: bool = False

    KIND: ClassVar[str] = "pool"
    INPUTS: ClassVar[int | None] = None
    RANK: ClassVar[int] = 1

    def check(self, *shapes: Shape) -> None:
        require(len(shapes[0]) == 2, "input (steps, channels)", shapes[0], "Reshape it")
        check_steps(shapes, 1, self.masked)

    def output(self, *shapes: Shape) -> Shape:
        return (*((1,) if self.keepdims else ()), shapes[0][-1])

    def flops(self, *shapes: Shape) -> int:
        return count(shapes[0])

    def kinds(self, count: int) -> tuple[str, ...]:
        return taking(super().kinds(count), self.masked)

    def over_padding(self) -> Padded | None:
        return Padded(keeps=False, takes=True)


@dataclass(frozen=True)
class GlobalMaxPooling1D(_StepPool):
    """The largest entry of each channel; entries that tie share the gradient evenly."""


@dataclass(frozen=True)
class GlobalMaxPooling2D(_MapPool):
    """The largest entry of each channel; entries that tie share the gradient evenly."""


@dataclass(frozen=True)
class GlobalAveragePooling1D(_StepPool):
    """The mean of each channel."""


@dataclass(frozen=True)
class GlobalAveragePooling2D(_MapPool):
    """The mean of each channel."""
