"""Every layer, and random models: outputs, taps and gradients beside PyTorch's, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests import material
from tests.random_models import models
from tests.strategies import MASKED, RECURRENT, alone, cases, padded_cases, stateful_cases

from trimaran.backends.keras.build import KerasBackend
from trimaran.backends.keras.weights import silent
from trimaran.backends.protocol import Network
from trimaran.backends.torch.build import TorchBackend
from trimaran.comparison.deviation import by_layer, largest
from trimaran.spec import Input, Layer, Model, functional
from trimaran.spec import layers as L
from trimaran.spec.layers import LAYERS
from trimaran.spec.layers.core import ACTIVATIONS
from trimaran.tasks.loss import Loss
from trimaran.weights import draw

# Without shrinking: each attempt compiles a network anew.
PHASES = (Phase.explicit, Phase.generate)


def weighted(model: Model, seed: int) -> dict[str, np.ndarray]:
    """Weights of which none is what a wrong layer would also give, but for biases that stay 0."""
    rng = np.random.default_rng(seed)
    found, still = {}, silent(model)
    for key, values in draw(model, seed, np.float64).items():
        if values.dtype.kind == "f" and key not in still:
            values = values + 0.1 * rng.normal(size=values.shape)
            values = np.abs(values) + 0.5 if key.endswith("running_var") else values
        found[key] = values
    return found


def pair(model: Model, keras: KerasBackend, seed: int) -> tuple[Network, Network]:
    weights = weighted(model, seed)
    made = TorchBackend().build(model, weights, "float64")
    return made, keras.build(model, weights, "float64")


def check(model: Model, keras: KerasBackend, seed: int = 0) -> None:
    """Hold everything that a network answers to PyTorch's answer."""
    rng = np.random.default_rng(seed)
    torch, other = pair(model, keras, seed)
    inputs = material.inputs(model, rng)
    paths = list(dict.fromkeys(leaf.path for leaf in model.leaves))
    for training in (False, True):
        a, b = (n.forward(inputs, paths, training) for n in (torch, other))
        assert by_layer(b.taps, a.taps, paths, 1e-9, together=False).value < 1e-9
        assert by_layer(b.outputs, a.outputs, [], 1e-9, together=False).value < 1e-9
    targets, losses = {}, {}
    for name, output in a.outputs.items():
        targets[name], losses[name] = rng.normal(size=output.shape), Loss("mse")
    g, h = (n.gradients(inputs, targets, losses, paths[:1]) for n in (torch, other))
    assert abs(g.loss - h.loss) < 1e-9 * max(abs(g.loss), 1)
    for found, wanted in ((h.parameters, g.parameters), (h.inputs, g.inputs), (h.taps, g.taps)):
        assert set(found) == set(wanted)
        # Not Python's max, which passes over a NaN that is not the first.
        apart = np.max([np.abs(found[k] - wanted[k]).max() for k in wanted], initial=0.0)
        assert apart < 1e-9 * max(largest(g.parameters), largest(g.inputs), 1e-3)


@pytest.mark.parametrize("kind", LAYERS)
@settings(max_examples=3, phases=PHASES)
@given(data=st.data())
def test_every_layer_is_that_of_pytorch(keras: KerasBackend, kind: str, data: Any) -> None:
    layer, shapes = data.draw(cases(LAYERS[kind]))
    check(alone(layer, shapes), keras)


def test_a_summand_as_long_as_the_rows_are_many_is_no_bias(keras: KerasBackend) -> None:
    """Three rows, three steps: Keras on TensorFlow adds one number per row along the steps."""
    check(alone(L.Add(), ((3, 6), (1, 1), (1, 6))), keras)


@pytest.mark.parametrize("kind", RECURRENT)
@settings(max_examples=2, phases=PHASES)
@given(data=st.data())
def test_states_in_and_out_are_those_of_pytorch(keras: KerasBackend, kind: Any, data: Any) -> None:
    layer, shapes = data.draw(stateful_cases(kind))
    check(alone(layer, shapes), keras)


@pytest.mark.parametrize("kind", MASKED)
@settings(max_examples=2, phases=PHASES)
@given(data=st.data())
def test_padding_is_left_out_as_pytorch_does(keras: KerasBackend, kind: Any, data: Any) -> None:
    layer, shapes = data.draw(padded_cases(kind))
    check(alone(layer, shapes), keras)


@settings(max_examples=8, phases=PHASES)
@given(model=models(), seed=st.integers(0, 99))
def test_random_models_are_those_of_pytorch(keras: KerasBackend, model: Model, seed: int) -> None:
    check(model, keras, seed)


@pytest.mark.parametrize(
    ("channels", "kernel", "strides", "padding"),
    [(2, 3, 2, "same"), (7, (3, 4), 1, "valid"), (16, (2, 3), (2, 1), "same"), (20, 3, 3, "valid")],
)
def test_convolutions_few_and_many_channels_wide(
    keras: KerasBackend, channels: int, kernel: Any, strides: Any, padding: str
) -> None:
    """JAX computes their kernels' gradients in ways of its own: by patches, by offsets, by XLA."""
    x = Input((9, 8, channels), name="x")
    layer = L.Conv2D(5, kernel, strides=strides, padding=padding)
    check(functional(x, layer(x), "wide"), keras)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_has_pytorchs_derivative_at_its_kink(
    keras: KerasBackend, name: str
) -> None:
    """An exact 0, as a fresh network meets it behind a dropout."""
    model = functional(x := Input((1,), name="x"), L.Activation(name)(x), "kink")
    inputs, targets = {"x": np.zeros((2, 1))}, {"output": np.full((2, 1), 0.3)}
    torch, other = pair(model, keras, 0)
    losses = {"output": Loss("mse")}
    a, b = (n.gradients(inputs, targets, losses).inputs["x"] for n in (torch, other))
    np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("norm", [L.GroupNormalization(1), L.BatchNormalization()])
def test_the_largest_entry_of_a_normalized_map_has_a_derivative(
    keras: KerasBackend, norm: Layer
) -> None:
    """Without optimizations XLA computes the map twice, with different last bits."""
    x = Input((6, 7, 5), name="x")
    largest = L.GlobalMaxPooling2D()(norm(L.ZeroPadding2D(1)(x)))
    check(functional(x, largest, "largest"), keras)


@pytest.mark.parametrize(
    ("pool", "shape"), [(L.GlobalMaxPooling1D, (6, 3)), (L.GlobalMaxPooling2D, (3, 4, 3))]
)
def test_equal_largest_entries_share_a_derivative(
    keras: KerasBackend, pool: type[Layer], shape: tuple[int, ...]
) -> None:
    model = functional(x := Input(shape, name="x"), pool()(x), "ties")
    rows = np.random.default_rng(0).integers(0, 2, (4, *shape)).astype(float)
    targets, losses = {"output": np.zeros((4, 3))}, {"output": Loss("mse")}
    a, b = (n.gradients({"x": rows}, targets, losses).inputs["x"] for n in pair(model, keras, 0))
    assert len(set(np.abs(a[a != 0]).round(9))) > 2  # one, two or more share
    np.testing.assert_allclose(b, a, rtol=1e-12)


def test_numbers_are_not_rounded_to_float32(keras: KerasBackend) -> None:
    """Keras casts them, on TensorFlow through float32 but for what the worker mends."""
    x, rows = Input((3,), name="x"), np.random.default_rng(0).normal(size=(4, 3))
    model = functional(x, L.Dense(1)(L.Rescaling(1 / 255, 0.1)(x)), "rescaled")
    network = keras.build(model, draw(model, 0, np.float64), "float64")
    found = network.forward({"x": rows}, ["rescale1"]).taps["rescale1"]
    assert np.abs(found - (rows * (1 / 255) + 0.1)).max() < 1e-15
    coarse = [float(np.float32(number)) for number in (1 / 255, 0.1)]
    assert np.abs(found - (rows * coarse[0] + coarse[1])).max() > 1e-10


def test_weights_come_back_as_they_went(keras: KerasBackend) -> None:
    from trimaran import zoo

    model = zoo.build("resnet18", (32, 32, 3), 10)
    weights = weighted(model, 0)
    found = keras.build(model, weights, "float64").weights()
    assert list(found) == list(weights)
    for key, values in found.items():
        np.testing.assert_array_equal(values, weights[key])
