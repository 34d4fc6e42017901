"""keras.applications' checkpoints (VGG16, ResNet50, 101, 152) under the zoo's keys and layouts.

Sources: keras/src/applications/vgg16.py and resnet.py, whose layer names these are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimaran.errors import RunError
from trimaran.spec import Model
from trimaran.spec.graph import Leaf
from trimaran.spec.layers import BatchNormalization, Conv2D, Dense
from trimaran.spec.layout import layouts

Array = NDArray[Any]
Layers = Mapping[str, Sequence[Array]]
EPSILON = 1.001e-5
"""Of every BatchNormalization in keras.applications' resnet.py."""
STRIDES = (
    "keras.applications puts the stride of a bottleneck on its first 1x1 convolution, this model "
    "on the 3x3 (as torchvision does): the weights are a start, not the same function"
)


@dataclass(frozen=True)
class Named:
    """Arrays by neutral key, and what a user should know of them, or ""."""

    arrays: dict[str, Array]
    remark: str = ""


def neutral(model: Model, layers: Layers, where: str) -> Named:
    """The file's arrays by the keys of `model`.

    Raises:
        RunError: the file is of no architecture that is known here.
    """
    if "block1_conv1" in layers:
        return Named(dict(_vgg(model, layers, where)))
    if "conv1_conv" in layers:
        return Named(dict(_resnet(model, layers, where)), STRIDES)
    raise RunError(
        f"{where}: its layers ({', '.join(list(layers)[:3])} ...) are those of no architecture "
        "that Trimaran knows by name; it knows keras.applications' VGG16, ResNet50, ResNet101 and "
        "ResNet152, so bring another model in with 'trimaran convert'."
    )


def _vgg(model: Model, layers: Layers, where: str) -> Iterator[tuple[str, Array]]:
    """Convolutions and Dense layers in their order; fc1 reads a flattened map."""
    convolutions = sorted(name for name in layers if re.fullmatch(r"block\d_conv\d", name))
    leaves = [leaf for leaf in model.leaves if isinstance(leaf.layer, Conv2D)]
    if len(leaves) != len(convolutions):
        raise RunError(
            f"{where}: a VGG of {len(convolutions)} convolutions, but {model.name} has "
            f"{len(leaves)}; choose model.zoo=vgg16."
        )
    flat = layouts(model).flat
    for leaf, name in zip(leaves, convolutions, strict=True):
        yield from _convolution(leaf.path, layers[name])
    dense = [leaf for leaf in model.leaves if isinstance(leaf.layer, Dense)]
    for leaf, name in zip(dense, ("fc1", "fc2", "predictions"), strict=False):
        if name in layers:
            yield from _dense(leaf, layers[name], flat.get(leaf.inputs[0]))


def _resnet(model: Model, layers: Layers, where: str) -> Iterator[tuple[str, Array]]:
    """A convolution's bias is taken into the running mean behind it, where it does the same."""
    leaves = {leaf.path: leaf for leaf in model.leaves}
    for name, arrays in layers.items():
        path = _place(name, where)
        leaf = leaves.get(path)
        if name.endswith("_conv"):
            yield f"{path}.weight", _kernel(arrays[0])
        elif name.endswith("_bn"):
            before = layers.get(f"{name.removesuffix('bn')}conv", ())
            bias = before[1] if len(before) > 1 else np.zeros_like(arrays[2])
            yield from _normalization(path, leaf, arrays, bias)
        else:
            yield f"{path}.weight", arrays[0].T
            yield f"{path}.bias", arrays[1]


def _place(name: str, where: str) -> str:
    """conv3_block2_0_bn → layer2.1.downsample.1, and so on."""
    whole = {"conv1_conv": "conv1", "conv1_bn": "bn1", "predictions": "fc"}
    if name in whole:
        return whole[name]
    found = re.fullmatch(r"conv([2-5])_block(\d+)_([0-3])_(conv|bn)", name)
    if found is None:
        raise RunError(
            f"{where}: the layer {name!r} belongs to no ResNet of keras.applications' first "
            "version (V2 has another order of layers); give a ResNet50, 101 or 152 checkpoint."
        )
    stage, block, number, kind = found.groups()
    front = f"layer{int(stage) - 1}.{int(block) - 1}"
    if number == "0":
        return f"{front}.downsample.{0 if kind == 'conv' else 1}"
    return f"{front}.{kind}{number}"


def _normalization(
    path: str, leaf: Leaf | None, arrays: Sequence[Array], bias: Array
) -> Iterator[tuple[str, Array]]:
    gamma, beta, mean, variance = arrays
    own = leaf.layer.epsilon if leaf and isinstance(leaf.layer, BatchNormalization) else EPSILON
    yield f"{path}.weight", gamma
    yield f"{path}.bias", beta
    yield f"{path}.running_mean", mean - bias
    yield f"{path}.running_var", variance + np.float32(EPSILON - own)


def _convolution(path: str, arrays: Sequence[Array]) -> Iterator[tuple[str, Array]]:
    yield f"{path}.weight", _kernel(arrays[0])
    yield f"{path}.bias", arrays[1]


def _kernel(kernel: Array) -> Array:
    """(kh, kw, channels, filters) → (filters, channels, kh, kw)."""
    return kernel.transpose(3, 2, 0, 1)


def _dense(leaf: Leaf, arrays: Sequence[Array], around: Any) -> Iterator[tuple[str, Array]]:
    """(features, units) → (units, features), the features of a flattened map channels-first."""
    kernel = arrays[0]
    if around is not None and kernel.shape[0] == np.prod(around):
        maps = kernel.reshape(*around, -1)
        kernel = np.moveaxis(maps, -2, 0).reshape(kernel.shape)
    yield f"{leaf.path}.weight", kernel.T
    yield f"{leaf.path}.bias", arrays[1]
