"""Oracles from outside: keras.applications' networks with random weights against our descriptions.

Where theirs differs from the zoo's:

VGG16      nothing but the order of a flattened map: channels-last there, channels-first here.
ResNet50   is the first version: a bottleneck's stride sits on its first 1x1 convolution (the zoo,
           like torchvision, has it on the 3x3); every convolution has a bias (it is taken into the
           running mean of the normalization behind it, which computes the same in evaluation);
           epsilon is 1.001e-5 (1e-8 more in every running variance); the map is padded by layers.
ResNet50V2 has no counterpart in the zoo: its description is the one that is read from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trimaran import zoo
from trimaran.backends.keras.build import KerasBackend
from trimaran.backends.keras.reading.files import read_file
from trimaran.backends.protocol import Translation
from trimaran.backends.torch.build import backend as torch
from trimaran.spec import Graph, Model
from trimaran.steps.brought import deviation, rows
from trimaran.weights.draw import draw
from trimaran.weights.overlay import overlay

FRAMEWORK, SINGLE = "tensorflow", 1e-5
SCRIPT = """
import warnings
from pathlib import Path
import keras, numpy as np

def made(kind, width=64):
    model = kind(weights=None, input_shape=(64, width, 3), classes=7, classifier_activation=None)
    draw = np.random.default_rng(0)
    for variable in model.weights:
        shape = variable.shape
        if "variance" in variable.name:
            values = draw.uniform(0.5, 2, shape)
        elif "gamma" in variable.name:
            values = draw.uniform(0.5, 1, shape)
        else:
            fan = np.prod(shape[:-1]) if len(shape) > 1 else 100
            values = draw.standard_normal(shape, np.float32) * np.sqrt(2 / fan)
        variable.assign(values)
    return model

def vgg16():
    model = made(keras.applications.VGG16, 32)
    model.save(Path(__file__).with_name("vgg16.h5"))  # the published files' layout
    return model

def resnet50():
    model = made(keras.applications.ResNet50)
    model.save_weights(Path(__file__).with_name("resnet50.weights.h5"))
    return model

def resnet50v2():
    return made(keras.applications.ResNet50V2)
"""


@dataclass(frozen=True)
class Brought:
    """One of them, with its own answers for random rows, and the file of its weights."""

    found: Translation
    given: dict[str, np.ndarray]
    theirs: np.ndarray
    folder: Path

    def deviation(self, backend: Any, model: Model, weights: dict[str, np.ndarray]) -> float:
        """How far a description's outputs are from the answers."""
        made = backend.build(model, weights, "float32").forward(self.given).outputs
        return deviation(self.theirs, made["output"])


@pytest.fixture(scope="module")
def backend() -> KerasBackend:
    """Keras on TensorFlow, or a reason to skip."""
    for needed in ("keras", FRAMEWORK, "h5py"):
        if find_spec(needed) is None:
            pytest.skip(f'{needed} is not installed: pip install "trimaran[keras]"')
    return KerasBackend(FRAMEWORK)


@pytest.fixture(scope="module")
def bring(
    backend: KerasBackend, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Brought]:
    """Bring one in by its name, once for all tests of this file."""
    folder = tmp_path_factory.mktemp("applications")
    (folder / "applications.py").write_text(SCRIPT)

    @cache
    def brought(name: str) -> Brought:
        original = read_file(f"{folder / 'applications.py'}:{name}", FRAMEWORK)
        given = rows(original.translation)
        return Brought(original.translation, given, original.forward(given)["output"], folder)

    return brought


def strided_first(graph: Graph) -> Graph:
    """The graph with each bottleneck's stride on its first convolution, as keras.applications'."""
    table = {n: strided_first(op) if isinstance(op, Graph) else op for n, op in graph.layers}
    if graph.kind == "Bottleneck":
        first, second = table["conv1"], table["conv2"]
        table["conv1"] = replace(first, strides=second.strides)
        table["conv2"] = replace(second, strides=first.strides)
    return replace(graph, layers=tuple(table.items()))


@pytest.mark.parametrize("name", ["vgg16", "resnet50v2"])
def test_it_comes_in_equal_and_goes_out_as_keras_source_equal(
    bring, backend: KerasBackend, name: str
) -> None:
    brought = bring(name)
    model, weights = brought.found.model, dict(brought.found.weights)
    for each in (torch("torch"), backend):
        assert brought.deviation(each, model, weights) <= SINGLE, each.name


def test_vgg16s_file_makes_the_zoos_vgg16_the_same_network(bring) -> None:
    brought, ours = bring("vgg16"), zoo.build("vgg16", (64, 32, 3), 7, head=False)
    found = overlay(ours, draw(ours, 0), brought.folder / "vgg16.h5")
    assert found.drawn == () and found.notice.endswith("vgg16.h5.")
    assert brought.deviation(torch("torch"), ours, found.arrays) <= SINGLE


def test_resnet50s_file_makes_the_zoos_resnet50_the_same_but_for_the_strides(bring) -> None:
    brought, ours = bring("resnet50"), zoo.build("resnet50", (64, 64, 3), 7, head=False)
    found = overlay(ours, draw(ours, 0), brought.folder / "resnet50.weights.h5")
    assert found.drawn == () and "a start, not the same function" in found.notice
    assert brought.deviation(torch("torch"), ours, found.arrays) > 1e-2
    first = Model("resnet50", strided_first(ours.graph))
    assert brought.deviation(torch("torch"), first, found.arrays) <= SINGLE


PLANTED: dict[str, tuple[str, str, Callable[[np.ndarray], np.ndarray]]] = {
    "axes": ("vgg16", "block1_conv1.weight", lambda w: w.swapaxes(2, 3)),
    "order": (
        "vgg16",
        "fc1.weight",
        lambda w: w.reshape(-1, 512, 2).swapaxes(1, 2).reshape(w.shape),
    ),
    "variance": ("resnet50", "conv1_bn.running_var", lambda v: v * 1.01),
}
"""A kernel with its axes swapped, a flattened map in the other order, a variance that is off."""


@pytest.mark.parametrize("fault", PLANTED)
def test_the_oracle_finds_one_array_that_is_wrong(bring, fault: str) -> None:
    name, key, spoil = PLANTED[fault]
    brought = bring(name)
    wrong = {**brought.found.weights, key: spoil(brought.found.weights[key])}
    assert brought.deviation(torch("torch"), brought.found.model, wrong) > 10 * SINGLE
