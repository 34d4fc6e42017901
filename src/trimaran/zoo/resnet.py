"""Residual networks (He, Zhang, Ren and Sun 2015, table 1), with torchvision's names.

The stride of a Bottleneck sits on its 3x3 convolution (torchvision's "v1.5"), epsilon is 1e-5 and
momentum 0.9 in Keras's form, so public PyTorch weights load by name and give the same numbers.
"""

from dataclasses import dataclass
from typing import Any

from trimaran.spec import Composite, Layer, Model, Sequential, Shape, Symbol, sequential
from trimaran.spec.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    GlobalAveragePooling2D,
    MaxPooling2D,
)
from trimaran.zoo.parts import head, linear

SMALL = 64
"""Images below this size get the stem of the paper's §4.2: 3x3, stride 1, no pooling."""


def conv(filters: int, kernel: int, stride: int = 1, name: str | None = None) -> Conv2D:
    """Without a bias, since a normalization follows; padded by half its kernel."""
    return Conv2D(
        filters,
        kernel,
        stride,
        padding=kernel // 2,
        use_bias=False,
        kernel_initializer="kaiming_normal_fan_out",
        name=name,
    )


def norm(name: str | None = None) -> BatchNormalization:
    """PyTorch's defaults."""
    return BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)


@dataclass(frozen=True)
class BasicBlock(Composite):
    """Two 3x3 convolutions around which the input is added (figure 5, left)."""

    width: int
    stride: int = 1
    downsample: bool = False

    def build(self, x: Symbol) -> Any:
        y = norm("bn1")(conv(self.width, 3, self.stride, "conv1")(x))
        y = Activation("relu")(y)
        y = norm("bn2")(conv(self.width, 3, name="conv2")(y))
        if self.downsample:
            x = Sequential([conv(self.width, 1, self.stride), norm()], name="downsample")(x)
        return Activation("relu")(y + x)


@dataclass(frozen=True)
class Bottleneck(Composite):
    """1x1, 3x3 and 1x1 convolutions around which the input is added (figure 5, right)."""

    width: int
    stride: int = 1
    downsample: bool = False

    def build(self, x: Symbol) -> Any:
        y = norm("bn1")(conv(self.width, 1, name="conv1")(x))
        y = Activation("relu")(y)
        y = norm("bn2")(conv(self.width, 3, self.stride, "conv2")(y))
        y = Activation("relu")(y)
        y = norm("bn3")(conv(self.width * 4, 1, name="conv3")(y))
        if self.downsample:
            x = Sequential([conv(self.width * 4, 1, self.stride), norm()], name="downsample")(x)
        return Activation("relu")(y + x)


def resnet18(input_shape: Shape, classes: int) -> Model:
    """Four stages of 2, 2, 2, 2 basic blocks."""
    return _resnet("resnet18", BasicBlock, (2, 2, 2, 2), input_shape, classes)


def resnet34(input_shape: Shape, classes: int) -> Model:
    """Four stages of 3, 4, 6, 3 basic blocks."""
    return _resnet("resnet34", BasicBlock, (3, 4, 6, 3), input_shape, classes)


def resnet50(input_shape: Shape, classes: int) -> Model:
    """Four stages of 3, 4, 6, 3 bottlenecks."""
    return _resnet("resnet50", Bottleneck, (3, 4, 6, 3), input_shape, classes)


def resnet101(input_shape: Shape, classes: int) -> Model:
    """Four stages of 3, 4, 23, 3 bottlenecks."""
    return _resnet("resnet101", Bottleneck, (3, 4, 23, 3), input_shape, classes)


def resnet152(input_shape: Shape, classes: int) -> Model:
    """Four stages of 3, 8, 36, 3 bottlenecks."""
    return _resnet("resnet152", Bottleneck, (3, 8, 36, 3), input_shape, classes)


def _resnet(
    name: str,
    block: type[BasicBlock] | type[Bottleneck],
    depths: tuple[int, ...],
    input_shape: Shape,
    classes: int,
) -> Model:
    stages = [
        Sequential(
            [_block(block, stage, position) for position in range(depth)], name=f"layer{stage + 1}"
        )
        for stage, depth in enumerate(depths)
    ]
    tail = [GlobalAveragePooling2D(name="avgpool"), linear(classes, "fc"), head(classes)]
    return sequential([*_stem(input_shape), *stages, *tail], input_shape, name)


def _block(
    block: type[BasicBlock] | type[Bottleneck], stage: int, position: int
) -> BasicBlock | Bottleneck:
    """Each stage doubles the width; its first block halves the map and fits the shortcut."""
    width = 64 * 2**stage
    if position > 0:
        return block(width)
    fits = block is BasicBlock and stage == 0  # 64 channels in and out
    return block(width, stride=1 if stage == 0 else 2, downsample=not fits)


def _stem(input_shape: Shape) -> list[Layer]:
    relu = Activation("relu", name="relu")
    if min(size or 0 for size in input_shape[:2]) < SMALL:
        return [conv(64, 3, name="conv1"), norm("bn1"), relu]
    pool = MaxPooling2D(3, 2, padding=1, name="maxpool")
    return [conv(64, 7, 2, "conv1"), norm("bn1"), relu, pool]
