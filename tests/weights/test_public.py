"""Public checkpoints by name and shape: the lists are written from the architectures' published
rules and their libraries' sources, never from Trimaran's own tables.

torchvision: torchvision/models/{alexnet,vgg,resnet}.py, whose state dicts these are.
keras.applications: keras/src/applications/{vgg16,resnet}.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from trimaran import zoo
from trimaran.errors import RunError
from trimaran.weights.applications import neutral
from trimaran.weights.draw import draw
from trimaran.weights.overlay import overlay
from trimaran.weights.store import save

Shapes = dict[str, tuple[int, ...]]
VGG_D = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")
"""torchvision's cfgs["D"]: filters of 3x3 convolutions, and max-poolings."""


def _weighted(path: str, *weight: int) -> Shapes:
    return {f"{path}.weight": weight, f"{path}.bias": weight[:1]}


def _norm(path: str, channels: int) -> Shapes:
    names = ("weight", "bias", "running_mean", "running_var")
    found: Shapes = {f"{path}.{name}": (channels,) for name in names}
    return found | {f"{path}.num_batches_tracked": ()}


def vgg16(classes: int = 1000) -> Shapes:
    """`features` counts convolution, ReLU and pooling; `classifier` Linear, ReLU and Dropout."""
    found, place, channels = Shapes(), 0, 3
    for filters in VGG_D:
        if filters == "M":
            place += 1
            continue
        found |= _weighted(f"features.{place}", int(filters), channels, 3, 3)
        place, channels = place + 2, int(filters)
    for position, units, features in ((0, 4096, 512 * 7 * 7), (3, 4096, 4096), (6, classes, 4096)):
        found |= _weighted(f"classifier.{position}", units, features)
    return found


def alexnet(classes: int = 1000) -> Shapes:
    convolutions = (
        (0, 64, 3, 11), (3, 192, 64, 5), (6, 384, 192, 3), (8, 256, 384, 3), (10, 256, 256, 3),
    )  # fmt: skip
    found = Shapes()
    for place, filters, channels, size in convolutions:
        found |= _weighted(f"features.{place}", filters, channels, size, size)
    for place, units, features in ((1, 4096, 256 * 6 * 6), (4, 4096, 4096), (6, classes, 4096)):
        found |= _weighted(f"classifier.{place}", units, features)
    return found


def resnet(depths: tuple[int, ...], bottleneck: bool, classes: int = 1000) -> Shapes:
    """He et al. 2015, table 1, in torchvision's names."""
    found: Shapes = {"conv1.weight": (64, 3, 7, 7)} | _norm("bn1", 64)
    channels, grown = 64, 4 if bottleneck else 1
    for stage, depth in enumerate(depths):
        width = 64 * 2**stage
        for block in range(depth):
            path = f"layer{stage + 1}.{block}"
            sizes = (1, 3, 1) if bottleneck else (3, 3)
            outs = (width, width, width * 4) if bottleneck else (width, width)
            ins = (channels, *outs[:-1])
            for n, (size, out, into) in enumerate(zip(sizes, outs, ins, strict=True), 1):
                found[f"{path}.conv{n}.weight"] = (out, into, size, size)
                found |= _norm(f"{path}.bn{n}", out)
            if block == 0 and (stage > 0 or bottleneck):
                found[f"{path}.downsample.0.weight"] = (width * grown, channels, 1, 1)
                found |= _norm(f"{path}.downsample.1", width * grown)
            channels = width * grown
    return found | _weighted("fc", classes, channels)


TORCHVISION = {
    "alexnet": alexnet(),
    "vgg16": vgg16(),
    "resnet18": resnet((2, 2, 2, 2), False),
    "resnet34": resnet((3, 4, 6, 3), False),
    "resnet50": resnet((3, 4, 6, 3), True),
    "resnet101": resnet((3, 4, 23, 3), True),
    "resnet152": resnet((3, 8, 36, 3), True),
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_state_dicts_are_the_zoos(name: str) -> None:
    """Keys and shapes, and nothing else: such a file loads as it is."""
    own = {key: tuple(p.shape) for key, p in zoo.build(name).parameters.items()}
    assert own == TORCHVISION[name]


def test_the_lists_have_torchvisions_parameter_counts() -> None:
    """The figures of torchvision's model pages, which no rule of ours knows."""
    published = {
        "alexnet": 61_100_840, "vgg16": 138_357_544, "resnet18": 11_689_512,
        "resnet34": 21_797_672, "resnet50": 25_557_032, "resnet101": 44_549_160,
        "resnet152": 60_192_808,
    }  # fmt: skip
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    for name, shapes in TORCHVISION.items():
        trained = [np.prod(s) for key, s in shapes.items() if not key.endswith(buffers)]
        assert sum(map(int, trained)) == published[name]


def test_an_old_torchvision_file_of_other_classes_begins_a_training(tmp_path: Path) -> None:
    """Files before 2018 have no num_batches_tracked, and ImageNet has 1000 classes."""
    rng = np.random.default_rng(0)
    shapes = {k: s for k, s in TORCHVISION["resnet18"].items() if not k.endswith("tracked")}
    save(tmp_path / "r.safetensors", {k: rng.random(s, np.float32) for k, s in shapes.items()})
    model = zoo.build("resnet18", (64, 64, 3), 10)
    found = overlay(model, draw(model, 0), tmp_path / "r.safetensors")
    assert found.drawn == ("fc.weight", "fc.bias")


def keras_vgg16(side: int, fc: int, classes: int) -> Iterator[tuple[str, list[tuple[int, ...]]]]:
    """keras/src/applications/vgg16.py, whose classifier is 4096 wide."""
    channels = 3
    for block, (filters, number) in enumerate(
        ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), start=1
    ):
        for n in range(1, number + 1):
            yield f"block{block}_conv{n}", [(3, 3, channels, filters), (filters,)]
            channels = filters
    sizes = (("fc1", side * side * 512, fc), ("fc2", fc, fc), ("predictions", fc, classes))
    for name, into, out in sizes:
        yield name, [(into, out), (out,)]


def keras_resnet50(classes: int) -> Iterator[tuple[str, list[tuple[int, ...]]]]:
    """keras/src/applications/resnet.py, residual_block_v1: convolutions with a bias, each before a
    normalization; the shortcut's is number 0."""

    def both(name: str, size: int, into: int, out: int) -> Iterator[tuple[str, list]]:
        yield f"{name}_conv", [(size, size, into, out), (out,)]
        yield f"{name}_bn", [(out,)] * 4

    yield from both("conv1", 7, 3, 64)
    channels = 64
    for stage, (width, depth) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), start=2):
        for block in range(1, depth + 1):
            front = f"conv{stage}_block{block}"
            if block == 1:
                yield from both(f"{front}_0", 1, channels, 4 * width)
            yield from both(f"{front}_1", 1, channels, width)
            yield from both(f"{front}_2", 3, width, width)
            yield from both(f"{front}_3", 1, width, 4 * width)
            channels = 4 * width
    yield "predictions", [(channels, classes), (classes,)]


def held(layers: Iterator[tuple[str, list[tuple[int, ...]]]]) -> dict[str, list[np.ndarray]]:
    """Arrays of these shapes that take no memory."""
    zero = np.zeros((), np.float32)
    return {name: [np.broadcast_to(zero, s) for s in shapes] for name, shapes in layers}


@pytest.mark.parametrize(
    ("name", "layers"),
    [("vgg16", keras_vgg16(7, 4096, 1000)), ("resnet50", keras_resnet50(1000))],
    ids=["vgg16", "resnet50"],
)
def test_keras_applications_fill_the_zoo(name: str, layers: Iterator) -> None:
    found = neutral(zoo.build(name), held(layers), "file.h5").arrays
    shapes = {key: value.shape for key, value in found.items()}
    listed = TORCHVISION[name]
    assert shapes == {k: s for k, s in listed.items() if not k.endswith("num_batches_tracked")}


def test_other_layers_are_refused_by_name() -> None:
    model, vector = zoo.build("resnet50"), [np.zeros(3, np.float32)]
    with pytest.raises(RunError, match=r"its layers \(stem_conv \.\.\.\) are those of no arch"):
        neutral(model, {"stem_conv": vector}, "efficient.h5")
    v2 = {"conv1_conv": [np.zeros((7, 7, 3, 64))], "conv2_block1_preact_bn": vector * 4}
    with pytest.raises(RunError, match="the layer 'conv2_block1_preact_bn' belongs to no ResNet"):
        neutral(model, v2, "v2.h5")
    with pytest.raises(RunError, match="a VGG of 13 convolutions, but lenet5 has 2"):
        neutral(zoo.build("lenet5"), held(keras_vgg16(7, 8, 9)), "vgg.h5")
