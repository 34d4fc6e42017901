"""Backpropagation explained: three derivatives agree, and a wrong one is shown as wrong."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace

import numpy as np
import pytest

from trimaran.backends.reference import BACKEND
from trimaran.backends.torch.build import TorchBackend
from trimaran.explain import flow
from trimaran.explain.backprop import Batch, backprop, deviation, table
from trimaran.spec import Input, functional, layers, sequential
from trimaran.tasks.loss import Loss
from trimaran.weights.draw import draw

RNG = np.random.default_rng(0)


def cnn():
    return sequential(
        [
            layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(6, activation="tanh"),
            layers.Dense(3, activation="softmax"),
        ],
        name="small-cnn",
    )


def batch(shape=(8, 8, 1), border=True):
    x = RNG.random((5, *shape))
    if border:
        x[:, :4] = 0.0  # as the border of MNIST: pre-activations of exactly 0
    loss = Loss("sparse_categorical_crossentropy")
    return Batch({"input": x}, {"output": RNG.integers(0, 3, 5)}, {"output": loss})


@pytest.fixture(scope="module")
def result():
    model = cnn()
    return backprop(model, draw(model, 0), batch(), BACKEND, TorchBackend(), samples=5)


def test_the_equations_equal_autograd_and_finite_differences(result):
    assert result.worst_autograd < 1e-12
    assert result.worst_differences < 1e-6
    assert result.loss == pytest.approx(result.loss_from_autograd, abs=1e-13)


def test_a_peeled_head_is_told_so(result):
    assert [row.path for row in result.rows if row.delta is None] == ["softmax1"]
    assert "taken off" in table(result)


def test_kinks_are_counted_and_told(result):
    bias = next(p for row in result.rows for p in row.parameters if p.key == "conv1.bias")
    assert bias.kinks == bias.entries == 4
    assert "kink of ReLU" in table(result)


def test_without_a_kink_nothing_is_said_of_one():
    model = sequential([layers.Dense(3, activation="softmax")], (4,), "perceptron")
    found = backprop(model, draw(model, 0), batch((4,), False), BACKEND, BACKEND)
    assert "kink" not in table(found)


def test_the_output_layers_delta_is_the_chapters():
    """δ = (p - y)/n for softmax with cross-entropy, and ∂L/∂W = δᵀ a."""
    model = sequential([layers.Dense(3, activation="softmax")], (4,), "perceptron")
    weights, given = draw(model, 0), batch((4,), False)
    found = backprop(model, weights, given, BACKEND, BACKEND)
    p = BACKEND.build(model, weights).forward(given.inputs).outputs["output"]
    delta = (p - np.eye(3)[given.targets["output"]]) / 5
    assert found.rows[0].delta == pytest.approx(np.linalg.norm(delta))
    by_weight = np.linalg.norm(delta.T @ given.inputs["input"])
    assert found.rows[0].parameters[0].norm == pytest.approx(by_weight)


@dataclass(frozen=True)
class Wrong:
    """A backend whose gradients of one layer are a per mille too large."""

    name: str = "wrong"

    def emit(self, model):
        return ""

    def build(self, model, weights, precision):
        return _WrongNetwork(BACKEND.build(model, weights, precision))


@dataclass(frozen=True)
class _WrongNetwork:
    inner: object

    def gradients(self, inputs, targets, losses, taps=()):
        found = self.inner.gradients(inputs, targets, losses, taps)
        wrong = {k: v * (1.001 if k == "dense1.weight" else 1) for k, v in found.parameters.items()}
        return replace(found, parameters=wrong)


def test_wrong_gradients_are_seen():
    """On autograd's side as a departure there, on the reference's in the differences."""
    model = cnn()
    autograd = backprop(model, draw(model, 0), batch(), BACKEND, Wrong(), samples=2)
    assert autograd.worst_autograd == pytest.approx(1e-3, rel=0.01)
    reference = backprop(model, draw(model, 0), batch(), Wrong(), BACKEND, samples=40)
    assert reference.worst_differences > 1e-5


def test_json_is_plain(result):
    value = json.loads(json.dumps(result.to_json()))
    assert value["model"] == "small-cnn"
    assert value["layers"][0]["parameters"][0]["key"] == "conv1.weight"


def test_the_drawing_has_a_red_dashed_arrow_for_each_value(result):
    root = ET.fromstring(flow.draw(result))
    paths = root.findall("{*}path")
    red = [p for p in paths if p.get("stroke-dasharray")]
    assert len(red) == len(paths) - len(red) == len(result.rows)
    words = [t.text for t in root.findall("{*}text")]
    assert "softmax1 and loss" in words
    assert sum(word.startswith("|δ|") for word in words) == len(result.rows)


def test_branches_are_drawn_around():
    x = Input((4,))
    y = layers.Dense(4, activation="relu")(x)
    model = functional(x, layers.Dense(3, activation="softmax")(x + y), "residual")
    found = backprop(model, draw(model, 0), batch((4,), False), BACKEND, BACKEND)
    curves = [p for p in ET.fromstring(flow.draw(found)).findall("{*}path") if "C" in p.get("d")]
    assert len(curves) == 2  # x to the sum, and its gradient back


def test_deviation_is_relative_to_the_largest_entry():
    assert deviation(np.array([1.0, 2.0]), np.array([1.0, 4.0])) == 0.5
    assert deviation(np.zeros(3), np.zeros(3)) == 0
