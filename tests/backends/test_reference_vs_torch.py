"""The emitted PyTorch module against the reference: two independent readings of a description.

Outputs, the loss, parameter gradients, input gradients and every tapped value and δ, in float64.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.material import material
from tests.random_models import models
from tests.strategies import RECURRENT, alone, stateful_cases

from trimaran.backends.reference import BACKEND as REFERENCE
from trimaran.backends.torch.build import TorchBackend
from trimaran.spec import Model, layers, sequential
from trimaran.weights.draw import draw
from trimaran.zoo import ZOO

TOLERANCE = 1e-10


def deviation(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference, relative to the largest entry."""
    assert a.shape == b.shape
    size = np.abs(b).max(initial=0.0)
    return float(np.max(np.abs(a - b) / max(1e-3, size), initial=0.0))


def warm(weights: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Weights whose biases and statistics are not the zeros and ones of a fresh model."""
    rng = np.random.default_rng(seed)
    moved = {}
    for key, array in weights.items():
        if key.endswith("running_var"):
            moved[key] = rng.uniform(0.5, 2.0, array.shape)
        elif array.ndim == 1:
            moved[key] = array + 0.1 * rng.normal(size=array.shape)
        else:
            moved[key] = array
    return moved


def deviations(model: Model, seed: int, other: Model | None = None) -> dict[str, float]:
    """Of everything that both networks give; `other` is what PyTorch builds instead, if given."""
    weights = warm(draw(model, seed, np.float64), seed)
    mine = REFERENCE.build(model, weights)
    torch = TorchBackend().build(other or model, weights, "float64")
    inputs, targets, losses = material(model, seed)
    taps = list(dict.fromkeys(leaf.path for leaf in model.leaves))
    found = {}
    for training in (False, True):
        a, b = (n.forward(inputs, taps, training) for n in (mine, torch))
        mode = "training" if training else "evaluation"
        found |= {f"{mode} {k}": deviation(v, b.outputs[k]) for k, v in a.outputs.items()}
        found |= {f"{mode} {k}": deviation(v, b.taps[k]) for k, v in a.taps.items() if k in b.taps}
    a, b = (n.gradients(inputs, targets, losses, taps) for n in (mine, torch))
    assert set(a.parameters) == set(b.parameters)
    found["loss"] = abs(a.loss - b.loss) / max(1.0, abs(b.loss))
    found |= {f"∂{k}": deviation(v, b.parameters[k]) for k, v in a.parameters.items()}
    found |= {f"∂{k}": deviation(v, b.inputs[k]) for k, v in a.inputs.items()}
    found |= {f"δ {k}": deviation(v, b.taps[k]) for k, v in a.taps.items() if k in b.taps}
    return found


def worst(model: Model, seed: int = 0, other: Model | None = None) -> tuple[float, str]:
    found = deviations(model, seed, other)
    return max((value, name) for name, value in found.items())


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(model=models(), seed=st.integers(0, 99))
def test_random_models_agree(model, seed):
    value, name = worst(model, seed)
    assert value <= TOLERANCE, (value, name)


@pytest.mark.parametrize("kind", RECURRENT)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_states_agree(kind, data):
    """As inputs and outputs of a model, of sequences of one step and of several."""
    value, name = worst(alone(*data.draw(stateful_cases(kind))))
    assert value <= TOLERANCE, (value, name)


SMALL = {
    "perceptron": (2,),
    "xor-mlp": (2,),
    "mlp": (64,),
    "mlp-100-64-10": (100,),
    "mnist-mlp": (28, 28, 1),
    "mnist-cnn-small": (8, 8, 1),
    "mnist-cnn": (14, 14, 1),
    "cifar10-cnn": (16, 16, 3),
    "lenet5": (28, 28, 1),
    "resnet18": (28, 28, 1),
}
"""Zoo entries at sizes that the reference computes in a second."""


@pytest.mark.parametrize("name", SMALL)
def test_zoo_entries_agree(name):
    entry = ZOO[name]
    model = entry.make(SMALL[name], min(entry.classes, 10))
    value, where = worst(model)
    assert value <= TOLERANCE, (value, where)


@pytest.mark.parametrize("name", SMALL)
def test_every_layer_can_be_tapped(name):
    entry = ZOO[name]
    model = entry.make(SMALL[name], min(entry.classes, 10))
    weights, (inputs, targets, losses) = draw(model, 0), material(model, 0)
    taps = list(dict.fromkeys(leaf.path for leaf in model.leaves))
    for found in (
        REFERENCE.build(model, weights).gradients(inputs, targets, losses, taps),
        TorchBackend().build(model, weights, "float64").gradients(inputs, targets, losses, taps),
    ):
        assert set(taps) - set(found.taps) == {taps[-1]}  # the head, which the loss takes off


def small_cnn(**changes) -> Model:
    convolution = layers.Conv2D(4, 3, padding="same", strides=2, groups=2, input_shape=(7, 7, 2))
    return sequential(
        [
            replace(convolution, **changes.get("convolution", {})),
            layers.BatchNormalization(**changes.get("bn", {})),
            layers.Activation(changes.get("activation", "gelu"), name="act"),
            layers.AveragePooling2D(2, padding="same"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


@pytest.mark.parametrize(
    "fault",
    [
        {"convolution": {"padding": ((1, 1), (1, 1))}, "bn": {"epsilon": 1e-5}},
        {"convolution": {"padding": ((0, 2), (0, 2))}},
        {"activation": "silu"},
        {"bn": {"epsilon": 2e-3}},
    ],
    ids=["epsilon", "padding", "activation", "epsilon doubled"],
)
def test_a_planted_fault_is_seen(fault):
    """PyTorch is given another description with the same weights."""
    assert worst(small_cnn())[0] <= TOLERANCE
    assert worst(small_cnn(), other=small_cnn(**fault))[0] > 1e-5
