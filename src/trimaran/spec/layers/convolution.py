"""Convolutions: cross-correlation, as in the chapter's §IV, eq. (I * K)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from trimaran.spec.initializers import Initializer, initializer
from trimaran.spec.layer import Layer, Padded, Parameter, Shape, count, pair, require, whole
from trimaran.spec.layers.windows import Padding, check_windows, padding_of, windows


@dataclass(frozen=True)
class _Conv(Layer):
    """What Conv1D and Conv2D share."""

    filters: int
    kernel_size: Any
    strides: Any = 1
    padding: Any = "valid"
    dilation_rate: Any = 1
    groups: int = 1
    activation: str | None = None
    use_bias: bool = True
    kernel_initializer: str | Initializer = "glorot_uniform"
    bias_initializer: str | Initializer = "zeros"

    KIND: ClassVar[str] = "conv"
    RANK: ClassVar[int]

    def __post_init__(self) -> None:
        for argument in ("kernel_size", "strides", "dilation_rate"):
            value = pair(getattr(self, argument), self.RANK, argument)
            object.__setattr__(self, argument, value)
        padding = padding_of(self._before() or self.padding, self.RANK)
        object.__setattr__(self, "padding", padding)

    def _before(self) -> tuple[tuple[int, int], ...] | None:
        """The explicit form of "causal": all padding before the first step."""
        if self.padding != "causal" or self.RANK != 1:
            return None
        return ((int((self.kernel_size[0] - 1) * self.dilation_rate[0]), 0),)

    def check(self, *shapes: Shape) -> None:
        shape = shapes[0]
        check_windows(
            self.RANK, self.padding, shape, self.kernel_size, self.strides, self.dilation_rate
        )
        require(whole(self.filters), "filters of 1 or more", self.filters, "give their number")
        require(
            self.groups >= 1
            and int(shape[-1] or 0) % self.groups == 0
            and self.filters % self.groups == 0,
            f"channels and filters that {self.groups} groups divide",
            (shape[-1], self.filters),
            "change groups or filters",
        )
        require(
            prod(self.strides) == 1 or prod(self.dilation_rate) == 1,
            "strides or dilation_rate of 1 (Keras has no kernel for both)",
            (self.strides, self.dilation_rate),
            "set one of them to 1",
        )

    def output(self, *shapes: Shape) -> Shape:
        spatial = shapes[0][:-1]
        sizes = windows(self.padding, spatial, self.kernel_size, self.strides, self.dilation_rate)
        return (*sizes, self.filters)

    def parameters(self, *shapes: Shape) -> tuple[Parameter, ...]:
        channels = shapes[0][-1] or 0
        per_group = channels // self.groups if self.groups != 1 else channels
        field = prod(int(k) for k in self.kernel_size)
        fan = (field * int(per_group), field * int(self.filters))
        shape = (self.filters, per_group, *self.kernel_size)
        weight = Parameter("weight", shape, initializer(self.kernel_initializer), fan)
        bias = Parameter("bias", (self.filters,), initializer(self.bias_initializer), fan)
        return (weight, bias) if self.use_bias else (weight,)

    def flops(self, *shapes: Shape) -> int:
        field = prod(int(k) for k in self.kernel_size)
        per_output = 2 * field * int(shapes[0][-1] or 1) // int(self.groups)
        return count(self.output(*shapes)) * (per_output + int(self.use_bias))


@dataclass(frozen=True)
class Conv1D(_Conv):
    """Convolution over (steps, channels). Weight: (filters, channels/groups, k).

    padding: "valid", "same" (TensorFlow's), "causal" (an output sees no later step), an int, or a
        (before, after) pair.
    """

    RANK: ClassVar[int] = 1

    def over_padding(self) -> Padded | None:
        """It keeps the steps where each has its own window around it."""
        (reach,) = ((k - 1) * d for k, d in zip(self.kernel_size, self.dilation_rate, strict=True))
        whole_ = self.padding == "same" or reach == 0
        whole_ = whole_ or (not isinstance(self.padding, str) and sum(self.padding[0]) == reach)
        return Padded(zeros=True) if whole_ and self.strides == (1,) else None


@dataclass(frozen=True)
class Conv2D(_Conv):
    """Convolution over (height, width, channels). Weight: (filters, channels/groups, kh, kw).

    padding: "valid", "same" (TensorFlow's), an int, or two ints or (before, after) pairs.
    """

    RANK: ClassVar[int] = 2


@dataclass(frozen=True)
class DepthwiseConv2D(Layer):
    """Each channel convolved by `depth_multiplier` filters of its own.

    Output channel c·m + j comes from input channel c. Weight: (channels·m, 1, kh, kw).
    """

    kernel_size: Any
    strides: Any = 1
    padding: Any = "valid"
    depth_multiplier: int = 1
    dilation_rate: Any = 1
    activation: str | None = None
    use_bias: bool = True
    depthwise_initializer: str | Initializer = "glorot_uniform"
    bias_initializer: str | Initializer = "zeros"

    KIND: ClassVar[str] = "depthwise"

    def __post_init__(self) -> None:
        for argument in ("kernel_size", "strides", "dilation_rate"):
            object.__setattr__(self, argument, pair(getattr(self, argument), 2, argument))
        padding: Padding = padding_of(self.padding, 2)
        object.__setattr__(self, "padding", padding)

    def check(self, *shapes: Shape) -> None:
        check_windows(
            2, self.padding, shapes[0], self.kernel_size, self.strides, self.dilation_rate
        )
        multiplier = self.depth_multiplier
        require(multiplier >= 1, "depth_multiplier of 1 or more", multiplier, "give it")
        require(
            self.strides[0] == self.strides[1],
            "equal strides (Keras has no others for depthwise)",
            self.strides,
            "use one stride for both axes",
        )
        require(
            prod(self.strides) == 1 or prod(self.dilation_rate) == 1,
            "strides or dilation_rate of 1 (Keras has no kernel for both)",
            (self.strides, self.dilation_rate),
            "set one of them to 1",
        )

    def output(self, *shapes: Shape) -> Shape:
        spatial = shapes[0][:-1]
        sizes = windows(self.padding, spatial, self.kernel_size, self.strides, self.dilation_rate)
        return (*sizes, self._filters(shapes[0]))

    def parameters(self, *shapes: Shape) -> tuple[Parameter, ...]:
        filters = self._filters(shapes[0])
        field = prod(int(k) for k in self.kernel_size)
        # Keras counts the fans of the kernel (kh, kw, channels, m).
        fan = (field * int(shapes[0][-1] or 0), field * int(self.depth_multiplier))
        shape = (filters, 1, *self.kernel_size)
        weight = Parameter("weight", shape, initializer(self.depthwise_initializer), fan)
        bias = Parameter("bias", (filters,), initializer(self.bias_initializer), fan)
        return (weight, bias) if self.use_bias else (weight,)

    def flops(self, *shapes: Shape) -> int:
        per_output = 2 * prod(int(k) for k in self.kernel_size) + int(self.use_bias)
        return count(self.output(*shapes)) * per_output

    def _filters(self, shape: Shape) -> int:
        channels = shape[-1] or 0
        return channels if self.depth_multiplier == 1 else channels * self.depth_multiplier
