"""Whole networks of the reference: a hand-written PyTorch twin, and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.material import material
from tests.random_models import models

from trimaran.backends.reference import BACKEND
from trimaran.backends.reference.network import columns_first, columns_last
from trimaran.errors import RecipeError, RunError, TrainingError
from trimaran.spec import Input, functional, layers, sequential
from trimaran.tasks.loss import Loss
from trimaran.weights.draw import draw

RNG = np.random.default_rng(0)
CROSS_ENTROPY = {"output": Loss("sparse_categorical_crossentropy")}


def cnn():
    return sequential(
        [
            layers.Conv2D(4, 3, activation="relu", input_shape=(6, 5, 2)),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(5, activation="tanh"),
            layers.Dense(3, activation="softmax"),
        ],
        name="cnn",
    )


def batch(model, rows=4):
    return material(model, 1, rows)


def test_a_cnn_equals_the_same_network_written_in_pytorch():
    """Its weights load as they are: the first Dense reads a channels-first flattening."""
    model = cnn()
    weights = draw(model, 0, np.float64)
    inputs, targets, _ = batch(model)
    found = BACKEND.build(model, weights).gradients(inputs, targets, CROSS_ENTROPY, ["dense1"])

    p = {k: torch.tensor(v, requires_grad=v.dtype == np.float64) for k, v in weights.items()}
    x = torch.tensor(inputs["input"], requires_grad=True)
    h = F.relu(F.conv2d(x.permute(0, 3, 1, 2), p["conv1.weight"], p["conv1.bias"]))
    h = F.batch_norm(h, None, None, p["bn1.weight"], p["bn1.bias"], True, eps=1e-3)
    h = torch.flatten(F.max_pool2d(h, 2), 1)
    z = F.linear(h, p["dense1.weight"], p["dense1.bias"])
    z.retain_grad()
    logits = F.linear(torch.tanh(z), p["dense2.weight"], p["dense2.bias"])
    loss = F.cross_entropy(logits, torch.tensor(targets["output"]))
    loss.backward()

    assert abs(found.loss - loss.item()) < 1e-12
    assert np.abs(found.inputs["input"] - x.grad.numpy()).max() < 1e-12
    assert np.abs(found.taps["dense1"] - z.grad.numpy()).max() < 1e-12
    for key, gradient in found.parameters.items():
        assert np.abs(gradient - p[key].grad.numpy()).max() < 1e-12, key


def test_outputs_have_their_heads_and_taps_their_channels_last():
    model = cnn()
    network = BACKEND.build(model, draw(model, 0))
    found = network.forward(batch(model)[0], ["conv1", "softmax1"])
    assert np.allclose(found.outputs["output"].sum(-1), 1)
    assert found.taps["conv1"].shape == (4, 4, 3, 4)
    assert found.taps["softmax1"] is found.outputs["output"]


def test_a_peeled_head_has_no_delta_of_its_own():
    model = cnn()
    inputs, targets, losses = batch(model)
    taps = BACKEND.build(model, draw(model, 0)).gradients(
        inputs, targets, losses, ["dense2", "softmax1"]
    )
    assert list(taps.taps) == ["dense2"]


def test_a_head_with_another_loss_stays():
    """Mean squared error of a softmax goes through the softmax's Jacobian."""
    model = cnn()
    inputs, _, _ = batch(model)
    goal = RNG.normal(size=(4, 3))
    network = BACKEND.build(model, draw(model, 0))
    found = network.gradients(
        inputs, {"output": goal}, {"output": Loss("mean_squared_error")}, ["softmax1"]
    )
    p = network.forward(inputs, training=True).outputs["output"]
    assert abs(found.loss - np.mean((p - goal) ** 2)) < 1e-14
    assert np.abs(found.taps["softmax1"] - 2 * (p - goal) / p.size).max() < 1e-14


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(model=models(), data=st.data())
def test_gradients_of_random_models_equal_finite_differences(model, data):
    weights = draw(model, data.draw(st.integers(0, 9)), np.float64)
    inputs, targets, losses = batch(model)
    found = BACKEND.build(model, weights).gradients(inputs, targets, losses)
    for key in data.draw(st.permutations(sorted(found.parameters)))[:2]:
        at = int(np.abs(found.parameters[key]).argmax())
        losses_at = []
        for step in (1e-6, -1e-6):
            moved = weights[key].copy()
            moved.flat[at] += step
            network = BACKEND.build(model, {**weights, key: moved})
            losses_at.append(network.gradients(inputs, targets, losses).loss)
        slope = (losses_at[0] - losses_at[1]) / 2e-6
        mine = found.parameters[key].flat[at]
        assert abs(mine - slope) <= 2e-3 * max(1e-3, abs(mine)), (key, mine, slope)


def test_a_value_read_twice_gets_both_gradients():
    x = Input((3,))
    dense = layers.Dense(3, use_bias=False)
    model = functional(x, dense(dense(x)) + x)
    weight = RNG.normal(size=(3, 3))
    inputs, targets, losses = batch(model, 2)
    found = BACKEND.build(model, {"dense1.weight": weight}).gradients(inputs, targets, losses)
    a = inputs["input"]
    delta = 2 * (a @ weight.T @ weight.T + a - targets["output"]) / 6
    assert np.allclose(found.inputs["input"], delta @ weight @ weight + delta)
    expected = delta.T @ (a @ weight.T) + (delta @ weight).T @ a
    assert np.allclose(found.parameters["dense1.weight"], expected)


def test_columns_change_order_and_back():
    weight = np.arange(24.0).reshape(1, 24)
    last = columns_last(weight, (2, 3, 4))
    assert last[0, :4].tolist() == [0, 6, 12, 18]
    assert (columns_first(last, (2, 3, 4)) == weight).all()


def test_statistics_after_a_step():
    model = cnn()
    network = BACKEND.build(model, draw(model, 0))
    inputs = batch(model)[0]
    found = network.statistics(inputs)
    seen = network.forward(inputs, ["relu1"], training=True).taps["relu1"].reshape(-1, 4)
    assert np.allclose(found["bn1.running_mean"], 0.01 * seen.mean(0))
    assert np.allclose(found["bn1.running_var"], 0.99 + 0.01 * seen.var(0, ddof=1))
    assert found["bn1.num_batches_tracked"] == 1
    assert network.weights()["bn1.num_batches_tracked"] == 0


def test_one_value_per_channel_has_no_statistics():
    model = sequential([layers.BatchNormalization()], (3,))
    network = BACKEND.build(model, draw(model, 0))
    with pytest.raises(TrainingError, match="more than 1 value per channel"):
        network.statistics({"input": np.zeros((1, 3))})


def test_the_source_lists_every_step():
    lines = BACKEND.build(cnn(), draw(cnn(), 0)).source.splitlines()
    assert lines[2].startswith("v1 = conv1(v0)  # Conv2D(filters=4, kernel_size=(3, 3)")
    assert lines[2].endswith("(6, 5, 2) → (4, 3, 4)")
    assert lines[-1] == "output = v10"


def test_wrong_weights_precision_and_paths_are_refused():
    model = cnn()
    weights = draw(model, 0)
    with pytest.raises(RecipeError, match="float64"):
        BACKEND.build(model, weights, "float32")
    with pytest.raises(RunError, match="dense2.bias is missing"):
        BACKEND.build(model, {k: v for k, v in weights.items() if k != "dense2.bias"})
    with pytest.raises(RunError, match=r"shape \(3, 5\)"):
        BACKEND.build(model, {**weights, "conv1.weight": np.zeros((3, 5))})
    with pytest.raises(TrainingError, match="'conv9' is not a layer of cnn"):
        BACKEND.build(model, weights).forward(batch(model)[0], ["conv9"])
