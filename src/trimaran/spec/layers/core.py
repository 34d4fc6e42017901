"""Dense, activations, rescaling and dropout."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import ClassVar

from trimaran.errors import DescriptionError
from trimaran.spec.initializers import Initializer, initializer
from trimaran.spec.layer import Layer, Padded, Parameter, Shape, count, known, require, whole

ACTIVATIONS: dict[str, float | None] = {
    "relu": None,
    "relu6": None,
    "leaky_relu": 0.2,
    "elu": 1.0,
    "selu": None,
    "gelu": None,
    "silu": None,
    "mish": None,
    "sigmoid": None,
    "hard_sigmoid": None,
    "hard_silu": None,
    "log_sigmoid": None,
    "tanh": None,
    "softplus": None,
    "softsign": None,
    "softmax": None,
    "log_softmax": None,
}
"""Name → default of its one parameter (slope or alpha), None where it has none. Keras's names."""

OVER_CHANNELS = frozenset({"softmax", "log_softmax"})
"""Functions that mix the entries of the last axis; all others work on each entry alone."""


@dataclass(frozen=True)
class Dense(Layer):
    """`y = x W^T + b` over the last axis (chapter §II, z = wᵀx + b).

    Shapes: (..., features) → (..., units). Parameters: weight (units, features), bias (units,).
    """

    units: int
    activation: str | None = None
    use_bias: bool = True
    kernel_initializer: str | Initializer = "glorot_uniform"
    bias_initializer: str | Initializer = "zeros"

    KIND: ClassVar[str] = "dense"

    def check(self, *shapes: Shape) -> None:
        require(len(shapes[0]) >= 1, "at least one axis", shapes[0], "Flatten or Reshape it first")
        require(shapes[0][-1] is not None, "a known last axis", shapes[0], "fix that size")
        require(whole(self.units), "units of 1 or more", self.units, "give the number of neurons")

    def output(self, *shapes: Shape) -> Shape:
        return (*shapes[0][:-1], self.units)

    def parameters(self, *shapes: Shape) -> tuple[Parameter, ...]:
        features = known(shapes[0][-1:])[0]
        fan = (int(features), int(self.units))
        weight = Parameter(
            "weight", (self.units, features), initializer(self.kernel_initializer), fan
        )
        bias = Parameter("bias", (self.units,), initializer(self.bias_initializer), fan)
        return (weight, bias) if self.use_bias else (weight,)

    def flops(self, *shapes: Shape) -> int:
        rows = count(shapes[0][:-1])
        return rows * int(self.units) * (2 * int(shapes[0][-1] or 1) + int(self.use_bias))

    def over_padding(self) -> Padded | None:
        return Padded()


@dataclass(frozen=True)
class Activation(Layer):
    """An activation function by its Keras name; `parameter` is its slope or alpha.

    `softmax` and `log_softmax` work over the last axis, all others on each entry. The derivative
    of ReLU at 0 is 0 on every backend.
    """

    activation: str
    parameter: float | None = None

    KIND: ClassVar[str] = "activation"

    def __post_init__(self) -> None:
        aliases = {"swish": "silu", "hard_swish": "hard_silu"}
        object.__setattr__(self, "activation", aliases.get(self.activation, self.activation))
        if self.activation not in ACTIVATIONS:
            names = ", ".join(ACTIVATIONS)
            raise DescriptionError(
                f"activation {self.activation!r} is unknown; use one of {names}."
            )
        if self.parameter is None:
            object.__setattr__(self, "parameter", ACTIVATIONS[self.activation])

    def flops(self, *shapes: Shape) -> int:
        return count(shapes[0])

    def over_padding(self) -> Padded | None:
        return Padded()


def ReLU(name: str | None = None) -> Activation:  # noqa: N802 (Keras's name)
    """max(0, x)."""
    return Activation("relu", name=name)


def LeakyReLU(negative_slope: float = 0.3, name: str | None = None) -> Activation:  # noqa: N802
    """x where positive, else negative_slope · x."""
    return Activation("leaky_relu", negative_slope, name=name)


def ELU(alpha: float = 1.0, name: str | None = None) -> Activation:  # noqa: N802
    """x where positive, else alpha · (eˣ - 1)."""
    return Activation("elu", alpha, name=name)


def Softmax(name: str | None = None) -> Activation:  # noqa: N802
    """eˣ over its sum along the last axis."""
    return Activation("softmax", name=name)


@dataclass(frozen=True)
class Rescaling(Layer):
    """`y = scale · x + offset` with two finite numbers. On symbolic tensors `x / 255`, `2 * x`,
    `x - 1`, `1 - x` and `-x` are such layers."""

    scale: float
    offset: float = 0.0

    KIND: ClassVar[str] = "rescale"

    def __post_init__(self) -> None:
        for name in ("scale", "offset"):
            if finite(getattr(self, name)):
                object.__setattr__(self, name, float(getattr(self, name)))

    def check(self, *shapes: Shape) -> None:
        for name in ("scale", "offset"):
            value = getattr(self, name)
            require(finite(value), f"a finite number as {name}", repr(value), "give a Python float")

    def flops(self, *shapes: Shape) -> int:
        return count(shapes[0]) * ((self.scale != 1.0) + (self.offset != 0.0))

    def over_padding(self) -> Padded | None:
        return Padded()


def finite(value: object) -> bool:
    """Whether the value is a Python number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max


@dataclass(frozen=True)
class Dropout(Layer):
    """Sets each entry to 0 with probability `rate` while training, and scales the rest by
    1/(1 - rate) (Srivastava et al. 2014, inverted form)."""

    rate: float

    KIND: ClassVar[str] = "dropout"

    def check(self, *shapes: Shape) -> None:
        require(0 <= self.rate < 1, "a rate in [0, 1)", self.rate, "give the share to drop")

    def over_padding(self) -> Padded | None:
        return Padded()
