"""The catalogue: sizes against the literature, and a contract that every entry keeps."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from trimaran import spec, zoo
from trimaran.errors import DescriptionError
from trimaran.spec.layers import Activation, BatchNormalization, Conv2D, Dense
from trimaran.spec.model import fits
from trimaran.zoo import ZOO, build

LITERATURE = {
    "mnist-mlp": 109_386,
    "mlp-100-64-10": 7_114,
    "lenet5": 61_706,
    "alexnet": 61_100_840,
    "alexnet-2012": 60_965_224,
    "vgg16": 138_357_544,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
}
"""Trainable parameters as papers, torchvision and Caffe's model zoo give them."""

BY_HAND = {
    "perceptron": 2 + 1,
    "xor-mlp": (2 + 1) * 8 + (8 + 1),
    "mlp": 65 * 128 + 129 * 64 + 65 * 10,
    "mnist-mlp-128": 785 * 128 + 129 * 10,
    "mnist-cnn-small": (9 + 1) * 32 + (13 * 13 * 32 + 1) * 128 + 129 * 10,
    "mnist-cnn": (9 + 1) * 32 + (288 + 1) * 64 + (5 * 5 * 64 + 1) * 128 + 129 * 10,
    "charlstm-cell": 4 * 256 * (65 + 256 + 1) + 257 * 65,
    "charlstm": 65 * 64 + 4 * 256 * (64 + 256 + 1) + 257 * 65,
    "chargpt": 65 * 128 + 6 * (12 * 128**2 + 13 * 128) + 2 * 128 + 129 * 65,
    "chargru": 65 * 64 + 3 * 256 * (64 + 256 + 2) + 257 * 65,
    "dlinear": 2 * (336 + 1) * 96,
    "patchtst": (17 + 41 + 2) * 16 + 3 * (4 * 17 * 16 + 17 * 128 + 129 * 16 + 64) + 657 * 96,
    "series-lstm": 4 * 64 * (7 + 64 + 1) + 65 * 96 * 7,
    "series-gru": 3 * 64 * (7 + 64 + 2) + 65 * 96 * 7,
    "returns-lstm": 4 * 32 * (4 + 32 + 1) + 33 * 5 * 4,
    "text-lstm": 20_000 * 128 + 4 * 128 * (128 + 128 + 1) + 257,
    "text-lstm-last": 20_000 * 128 + 4 * 128 * (128 + 128 + 1) + 129,
    "cifar10-cnn": (27 + 1) * 32 + (288 + 1) * 64 + (6 * 6 * 64 + 1) * 128 + 129 * 10,
}

GIGA_MACS = {
    "alexnet": 0.714,
    "vgg16": 15.470,
    "resnet18": 1.814,
    "resnet34": 3.664,
    "resnet50": 4.089,
    "resnet101": 7.801,
    "resnet152": 11.514,
}
"""Multiply-adds of convolutions and dense layers, as torchvision documents them (`_ops`)."""

SMALLEST = {"alexnet": (63, 63, 3), "alexnet-2012": (67, 67, 3)}
"""Inputs at which these still fit; the others take 32x32, or any vector."""

READERS = tuple(name for name, entry in ZOO.items() if entry.tokens)
"""Those that read texts, and answer once."""
SEQUENCES = tuple(name for name in ZOO if build(name).inputs[0].dtype == "int32")
"""Those that read token numbers: these know as many as they have classes, and answer at each,
unless they are readers."""


FORECASTERS = tuple(name for name, entry in ZOO.items() if entry.horizon)
"""Those that read a window of a series; they end in numbers."""
HEADED = tuple(name for name in ZOO if name not in FORECASTERS)


def small(name: str, classes: int = 10, head: bool = True) -> spec.Model:
    if name in FORECASTERS:
        return build(name, (30, classes), classes, head, 6)
    shape = (12,) if name in SEQUENCES else SMALLEST.get(name, (32, 32, 3))
    return build(name, shape, classes, head)


def answer(name: str, classes: int) -> spec.Shape:
    """The shape of its output."""
    if name in FORECASTERS:
        return (ZOO[name].horizon, classes)
    return (None, classes) if name in SEQUENCES and name not in READERS else (classes,)


@pytest.mark.parametrize("name", ZOO)
def test_sizes(name: str) -> None:
    model = build(name)
    assert model.size == {**LITERATURE, **BY_HAND}[name] == ZOO[name].parameters


@pytest.mark.parametrize("name", GIGA_MACS)
def test_operations(name: str) -> None:
    leaves = [leaf for leaf in build(name).leaves if isinstance(leaf.layer, Conv2D | Dense)]
    flops = sum(leaf.layer.flops(*leaf.in_shapes) for leaf in leaves)
    biases = sum(
        spec.layer.count(leaf.out_shape) for leaf in leaves if leaf.layer.settings()["use_bias"]
    )
    assert (flops - biases) / 2e9 == pytest.approx(GIGA_MACS[name], abs=6e-4)


@pytest.mark.parametrize("name", FORECASTERS)
def test_a_forecaster_tells_the_first_channels_of_its_window(name: str) -> None:
    model = build(name, (30, 5), 2, horizon=6)
    assert model.name == name and model.heads == {}
    assert [port.name for port in model.inputs] == ["input"]
    assert model.output_shape("output") == (6, 2)
    with pytest.raises(DescriptionError, match=f"{name}: expected a window .* the 6 column"):
        build(name, (30, 5), 6)
    with pytest.raises(DescriptionError, match=f"{name}: expected a window"):
        build(name, (30, 5, 3), 2)


@pytest.mark.parametrize("name", HEADED)
def test_one_input_one_output_and_probabilities(name: str) -> None:
    model = small(name)
    assert model.name == name
    assert [port.name for port in model.inputs] == ["input"]
    assert model.heads == {"output": "softmax"}
    assert model.output_shape("output") == answer(name, 10)
    if name not in SEQUENCES or name in READERS:
        assert small(name, classes=1).heads == {"output": "sigmoid"}


@pytest.mark.parametrize("name", HEADED)
def test_without_its_head_it_gives_numbers_with_the_same_weights(name: str) -> None:
    whole, bare = small(name, 3), small(name, 3, head=False)
    assert bare.heads == {} and bare.output_shape("output") == answer(name, 3)
    assert bare.parameters == whole.parameters
    assert [leaf.path for leaf in bare.leaves] == [leaf.path for leaf in whole.leaves[:-1]]
    assert not isinstance(bare.leaves[-1].layer, Activation)
    assert spec.from_json(spec.to_json(bare)) == bare


@pytest.mark.parametrize("name", ZOO)
def test_padding_is_explicit_and_every_activation_has_its_own_path(name: str) -> None:
    model = small(name)
    assert all(leaf.layer.settings().get("padding") != "same" for leaf in model.leaves)
    paths = [leaf.path for leaf in model.leaves]
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("name", ZOO)
def test_it_is_the_same_each_time_it_is_built(name: str) -> None:
    assert spec.digest(small(name)) == spec.digest(small(name))
    assert spec.digest(small(name)) != spec.digest(small(name, 11))


def test_the_table_is_literal_and_each_file_stands_in_it_once() -> None:
    folder = Path(zoo.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "parts", "table"}
    used = {entry.make.__module__.rpartition(".")[2] for entry in ZOO.values()}
    assert used == files
    assert len({entry.make for entry in ZOO.values()}) == len(ZOO)
    tree = ast.parse((folder / "table.py").read_text())
    (table,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "ZOO"
    ]
    assert isinstance(table, ast.Dict)
    assert [ast.literal_eval(key) for key in table.keys if key] == list(ZOO)


@pytest.mark.parametrize("name", ZOO)
def test_the_facts_of_each_entry(name: str) -> None:
    entry = ZOO[name]
    assert 1950 < entry.year <= 2025 and entry.paper and entry.make.__doc__
    model = build(name)
    assert fits(model.inputs[0].shape, entry.input_shape)
    assert model.output_shape("output") == answer(name, entry.classes)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: build("resnet5"), r"model 'resnet5' is not in the zoo \(perceptron, .*'resnet50'"),
        (lambda: build("mnistcnn"), "did you mean 'mnist-cnn'"),
        (lambda: build("mlp", (0,)), r"mlp: expected sizes and classes of 1 or more, got input_sh"),
        (lambda: build("mlp", ()), "expected sizes and classes of 1 or more"),
        (lambda: build("mlp", (4,), 0), "classes=0; give those of the data"),
        (lambda: build("mnist-cnn", (784,)), r"^conv1 \(Conv2D\): expected input \(height, width"),
        (lambda: build("resnet18", (28, 28)), r"^conv1 \(Conv2D\): expected input \(height, width"),
        (lambda: build("alexnet", (32, 32, 3)), r"^features\.12 \(MaxPooling2D\): expected a wind"),
        (lambda: build("vgg16", (16, 16, 3)), r"^features\.30 \(MaxPooling2D\): .*got \(1, 1\)"),
        (lambda: build("charlstm", (28, 28, 1)), "charlstm: expected a sequence of token numbers"),
        (lambda: build("chargpt", (28, 28, 1)), "chargpt: expected a sequence of token numbers"),
        (lambda: build("lenet5", (4, 4, 1)), r"^conv2 \(Conv2D\): expected a window \(5, 5\)"),
    ],
)
def test_what_cannot_be_built_is_told(call: Any, told: str) -> None:
    with pytest.raises(DescriptionError, match=told):
        call()


def test_a_model_without_a_head_is_not_cut() -> None:
    with pytest.raises(DescriptionError, match="expected a softmax or sigmoid as its last layer"):
        zoo.without_head(spec.sequential([Dense(2)], (3,)))


@pytest.mark.parametrize("name", sorted(SMALLEST))
def test_the_smallest_input_is_what_the_docstring_says(name: str) -> None:
    height, width, channels = SMALLEST[name]
    with pytest.raises(DescriptionError):
        build(name, (height - 1, width - 1, channels), 10)


def test_batch_normalization_has_pytorchs_constants() -> None:
    norms = [leaf.layer for leaf in build("resnet50").leaves if leaf.path.endswith("bn1")]
    assert {(n.epsilon, n.momentum) for n in norms if isinstance(n, BatchNormalization)} == {
        (1e-5, 0.9)
    }
