"""LeNet, AlexNet, VGG: names and shapes that public weights and papers fix."""

from __future__ import annotations

import pytest

from trimaran.spec.initializers import Constant, Normal
from trimaran.spec.layers import AveragePooling2D, Dropout
from trimaran.zoo import build


def shapes(name: str) -> dict[str, tuple[int, ...]]:
    return {key: p.shape for key, p in build(name).parameters.items()}


def test_alexnet_has_torchvisions_state_dict() -> None:
    found = shapes("alexnet")
    weights = {key: shape for key, shape in found.items() if key.endswith("weight")}
    assert weights == {
        "features.0.weight": (64, 3, 11, 11),
        "features.3.weight": (192, 64, 5, 5),
        "features.6.weight": (384, 192, 3, 3),
        "features.8.weight": (256, 384, 3, 3),
        "features.10.weight": (256, 256, 3, 3),
        "classifier.1.weight": (4096, 9216),
        "classifier.4.weight": (4096, 4096),
        "classifier.6.weight": (1000, 4096),
    }
    assert len(found) == 16


def test_vgg16_has_torchvisions_state_dict() -> None:
    found = shapes("vgg16")
    convolutions = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    assert [key for key in found if key.endswith("weight")] == [
        *(f"features.{i}.weight" for i in convolutions),
        *(f"classifier.{i}.weight" for i in (0, 3, 6)),
    ]
    assert found["features.28.weight"] == (512, 512, 3, 3)
    assert found["classifier.0.weight"] == (4096, 25088)


def test_alexnet_2012_sees_half_of_the_maps() -> None:
    model = build("alexnet-2012")
    found = shapes("alexnet-2012")
    assert found["features.3.weight"] == (256, 48, 5, 5)
    assert found["features.8.weight"] == (384, 192, 3, 3)
    assert model.parameters["features.0.weight"].initial == Normal(0.01)
    assert model.parameters["features.3.bias"].initial == Constant(1.0)
    assert model.parameters["features.0.bias"].initial == Constant(0.0)


@pytest.mark.parametrize("name", ["alexnet", "alexnet-2012", "vgg16"])
def test_the_classifier_drops_half_twice(name: str) -> None:
    rates = [leaf.layer.rate for leaf in build(name).leaves if isinstance(leaf.layer, Dropout)]
    assert rates == [0.5, 0.5]


@pytest.mark.parametrize("size", [28, 32])
def test_lenet5_is_the_papers_at_both_sizes(size: int) -> None:
    model = build("lenet5", (size, size, 1), 10)
    maps = [leaf.out_shape for leaf in model.leaves if leaf.path in ("conv1", "conv2")]
    assert maps == [(28, 28, 6), (10, 10, 16)]  # C1 and C3 of figure 2
    assert sum(isinstance(leaf.layer, AveragePooling2D) for leaf in model.leaves) == 2
    assert [leaf.layer.activation for leaf in model.leaves if "tanh" in leaf.path] == ["tanh"] * 4  # type: ignore[attr-defined]
    assert model.size == 61_706
