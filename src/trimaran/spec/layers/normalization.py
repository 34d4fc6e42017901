"""Normalization over the batch, over the features, and over groups of channels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from trimaran.spec.initializers import Constant
from trimaran.spec.layer import Layer, Padded, Parameter, Shape, count, require

ZEROS, ONES = Constant(0.0), Constant(1.0)


def _affine(channels: int, scale: bool, center: bool) -> tuple[Parameter, ...]:
    weight = (Parameter("weight", (channels,), ONES),) if scale else ()
    bias = (Parameter("bias", (channels,), ZEROS),) if center else ()
    return weight + bias


def _check_epsilon(epsilon: float) -> None:
    require(0 <= epsilon < math.inf, "an epsilon of 0 or more", epsilon, "1e-3 is usual")


@dataclass(frozen=True)
class BatchNormalization(Layer):
    """Normalizes each channel by the batch's mean and variance (Ioffe and Szegedy 2015, alg. 1).

    `momentum` is Keras's (0.99 keeps 99 %); the running variance is the unbiased one, as in
    PyTorch, on every backend. In evaluation the running statistics are used.
    """

    momentum: float = 0.99
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True

    KIND: ClassVar[str] = "bn"

    def check(self, *shapes: Shape) -> None:
        _check_epsilon(self.epsilon)
        require(shapes[0][-1] is not None, "a known number of channels", shapes[0], "fix it")
        require(
            self.scale == self.center,
            "scale and center both or neither",
            (self.scale, self.center),
            "set them alike, as PyTorch's layer has them",
        )
        require(0 <= self.momentum < 1, "momentum in [0, 1)", self.momentum, "give Keras's form")

    def parameters(self, *shapes: Shape) -> tuple[Parameter, ...]:
        channels = shapes[0][-1] or 0
        return (
            *_affine(channels, self.scale, self.center),
            Parameter("running_mean", (channels,), ZEROS, trainable=False),
            Parameter("running_var", (channels,), ONES, trainable=False),
            Parameter("num_batches_tracked", (), ZEROS, trainable=False, dtype="int64"),
        )

    def flops(self, *shapes: Shape) -> int:
        return 2 * count(shapes[0])


@dataclass(frozen=True)
class LayerNormalization(Layer):
    """Normalizes the last axis of each row by its mean and variance (Ba et al. 2016, eq. 4)."""

    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True

    KIND: ClassVar[str] = "ln"

    def check(self, *shapes: Shape) -> None:
        _check_epsilon(self.epsilon)
        require(shapes[0][-1] is not None, "a known last axis", shapes[0], "fix that size")
        require(
            self.scale or not self.center,
            "scale where there is center",
            "center alone",
            "set scale=True, as PyTorch's layer has it",
        )

    def parameters(self, *shapes: Shape) -> tuple[Parameter, ...]:
        return _affine(shapes[0][-1] or 0, self.scale, self.center)

    def flops(self, *shapes: Shape) -> int:
        return 8 * count(shapes[0])

    def over_padding(self) -> Padded | None:
        return Padded()


@dataclass(frozen=True)
class GroupNormalization(Layer):
    """Normalizes groups of channels of each row over all positions (Wu and He 2018, eq. 7).

    `groups=-1` is one group per channel (instance normalization).
    """

    groups: int = 32
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True

    KIND: ClassVar[str] = "gn"

    def check(self, *shapes: Shape) -> None:
        _check_epsilon(self.epsilon)
        channels = shapes[0][-1]
        require(channels is not None, "a known number of channels", shapes[0], "fix it")
        require(
            self.groups == -1 or (self.groups >= 1 and int(channels or 0) % self.groups == 0),
            f"channels that {self.groups} groups divide",
            channels,
            "change groups",
        )
        require(
            self.scale == self.center,
            "scale and center both or neither",
            (self.scale, self.center),
            "set them alike, as PyTorch's layer has them",
        )

    def parameters(self, *shapes: Shape) -> tuple[Parameter, ...]:
        return _affine(shapes[0][-1] or 0, self.scale, self.center)

    def flops(self, *shapes: Shape) -> int:
        return 8 * count(shapes[0])
