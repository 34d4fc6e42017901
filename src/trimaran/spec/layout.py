"""Where channels stand in memory: the rule that all backends and the weights file share.

A description means channels-last. PyTorch computes maps channels-first, so each value carries a
tag, "first" or "last", decided here from the description alone. The order of a flattened map is
part of that rule: where only Dense layers read it (through entrywise layers), their weights are
stored for channels-first order, so that `model.safetensors` loads into the natural PyTorch module.
"""

from __future__ import annotations

from dataclasses import dataclass

from trimaran.spec.graph import Leaf
from trimaran.spec.layer import Layer, Shape
from trimaran.spec.layers import (
    Activation,
    Add,
    AveragePooling1D,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv1D,
    Conv2D,
    Cropping1D,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GroupNormalization,
    MaxPooling1D,
    MaxPooling2D,
    Multiply,
    Rescaling,
    Subtract,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)
from trimaran.spec.layers.core import OVER_CHANNELS
from trimaran.spec.model import Model

FIRST, LAST = "first", "last"

SPATIAL: tuple[type[Layer], ...] = (
    Conv1D, Conv2D, DepthwiseConv2D, MaxPooling1D, MaxPooling2D, AveragePooling1D,
    AveragePooling2D, GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalAveragePooling1D,
    GlobalAveragePooling2D, ZeroPadding1D, ZeroPadding2D, Cropping1D, Cropping2D, UpSampling1D,
    UpSampling2D, BatchNormalization, GroupNormalization,
)  # fmt: skip
"""Layers that PyTorch computes channels-first."""

GLOBAL = (GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalAveragePooling1D, GlobalAveragePooling2D)


@dataclass(frozen=True)
class Layouts:
    """`values[v]` is the tag of value v; `flat[v]` is the (H, W, C) shape of the map whose
    channels-first flattening value v is."""

    values: tuple[str, ...]
    flat: dict[int, Shape]


def layouts(model: Model) -> Layouts:
    """The tag of every value of the model."""
    tags = [FIRST if len(port.shape) == 3 else LAST for port in model.inputs]
    flat: dict[int, Shape] = {}
    for leaf in model.leaves:
        given = [tags[value] for value in leaf.inputs]
        tags.append(wanted(leaf.layer, given, leaf.in_shapes) if len(leaf.out_shape) > 1 else LAST)
        tags += [LAST] * len(leaf.behind)
        _follow_flat(model, leaf, tags, flat)
    return Layouts(tuple(tags), flat)


def wanted(layer: Layer, given: list[str], shapes: tuple[Shape, ...]) -> str:
    """The layout in which the layer takes its inputs of rank 2 or more and gives its output."""
    if isinstance(layer, GlobalMaxPooling1D | GlobalAveragePooling1D) and layer.masked:
        return LAST
    if isinstance(layer, GLOBAL) and not layer.keepdims:
        return given[0]  # over any axes, and what comes out has none of them
    if isinstance(layer, SPATIAL):
        return FIRST if len(shapes[0]) > 1 else LAST
    if isinstance(layer, Activation | Dropout | Rescaling):
        return given[0]
    if isinstance(layer, Flatten):
        return given[0]
    if isinstance(layer, Add | Multiply | Subtract | Concatenate):
        return FIRST if FIRST in given else LAST
    return LAST


def _follow_flat(model: Model, leaf: Leaf, tags: list[str], flat: dict[int, Shape]) -> None:
    if isinstance(leaf.layer, Flatten):
        source = leaf.inputs[0]
        if tags[source] == FIRST and _only_dense(model, leaf.output):
            flat[leaf.output] = leaf.in_shapes[0]
    elif _entrywise(leaf.layer) and leaf.inputs[0] in flat:
        flat[leaf.output] = flat[leaf.inputs[0]]


def _entrywise(layer: Layer) -> bool:
    if isinstance(layer, Activation):
        return layer.activation not in OVER_CHANNELS
    return isinstance(layer, Dropout | Rescaling)


def _only_dense(model: Model, value: int) -> bool:
    """Whether every reader of the value is a Dense of its own, perhaps behind entrywise layers."""
    if any(output == value for _, output in model.outputs):
        return False
    paths = [leaf.path for leaf in model.leaves]
    for leaf in model.leaves:
        if value not in leaf.inputs:
            continue
        if isinstance(leaf.layer, Dense) and paths.count(leaf.path) == 1:
            continue
        if not (_entrywise(leaf.layer) and _only_dense(model, leaf.output)):
            return False
    return True
