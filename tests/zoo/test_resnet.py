"""ResNets: torchvision's names, and stems by the size of the image."""

from __future__ import annotations

import pytest

from trimaran.spec.layers import Conv2D, MaxPooling2D
from trimaran.zoo import build

ENTRIES = {"resnet18": 122, "resnet34": 218, "resnet50": 320, "resnet101": 626, "resnet152": 932}
"""Entries of torchvision's state dicts, counters included."""


@pytest.mark.parametrize("name", ENTRIES)
def test_state_dicts_have_torchvisions_entries(name: str) -> None:
    parameters = build(name).parameters
    assert len(parameters) == ENTRIES[name]
    assert next(iter(parameters)) == "conv1.weight"
    assert list(parameters)[-2:] == ["fc.weight", "fc.bias"]


def test_names_and_shapes_of_resnet50() -> None:
    shapes = {key: p.shape for key, p in build("resnet50").parameters.items()}
    assert shapes["conv1.weight"] == (64, 3, 7, 7)
    assert shapes["bn1.running_var"] == (64,)
    assert shapes["layer1.0.conv1.weight"] == (64, 64, 1, 1)
    assert shapes["layer1.0.downsample.0.weight"] == (256, 64, 1, 1)
    assert shapes["layer1.0.downsample.1.num_batches_tracked"] == ()
    assert shapes["layer2.0.conv2.weight"] == (128, 128, 3, 3)
    assert shapes["layer3.5.bn3.bias"] == (1024,)
    assert shapes["layer4.2.conv3.weight"] == (2048, 512, 1, 1)
    assert shapes["fc.weight"] == (1000, 2048)
    assert "layer1.1.downsample.0.weight" not in shapes


def test_resnet18_projects_only_where_the_width_changes() -> None:
    keys = build("resnet18").parameters
    assert "layer1.0.downsample.0.weight" not in keys
    assert "layer2.0.downsample.0.weight" in keys


def strides(name: str) -> dict[str, tuple[int, ...]]:
    leaves = build(name).leaves
    return {leaf.path: leaf.layer.strides for leaf in leaves if isinstance(leaf.layer, Conv2D)}


def test_the_stride_of_a_bottleneck_sits_on_its_3x3() -> None:
    found = strides("resnet50")
    assert found["layer2.0.conv1"] == (1, 1)
    assert found["layer2.0.conv2"] == found["layer2.0.downsample.0"] == (2, 2)
    assert found["layer2.1.conv2"] == (1, 1)


@pytest.mark.parametrize(("size", "last"), [(28, 4), (32, 4), (63, 8), (64, 2), (224, 7)])
def test_small_images_keep_their_resolution_in_the_stem(size: int, last: int) -> None:
    model = build("resnet18", (size, size, 3), 10)
    small = size < 64
    assert any(isinstance(leaf.layer, MaxPooling2D) for leaf in model.leaves) != small
    assert model.parameters["conv1.weight"].shape == (64, 3, *((3, 3) if small else (7, 7)))
    pooled = next(leaf for leaf in model.leaves if leaf.path == "avgpool")
    assert pooled.in_shapes == ((last, last, 512),)


def test_the_size_of_resnet18_for_cifar() -> None:
    """The figure known from the usual CIFAR-10 code (3x3 stem, 10 classes)."""
    assert build("resnet18", (32, 32, 3), 10).size == 11_173_962
