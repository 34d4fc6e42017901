"""The built network as the protocol has it: NumPy, channels-last, taps, gradients."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from trimaran import zoo
from trimaran.backends.torch.build import TorchBackend, TorchNetwork
from trimaran.errors import RunError
from trimaran.spec import Input, functional, sequential
from trimaran.spec import layers as L
from trimaran.tasks.loss import Loss
from trimaran.weights.draw import draw


def small() -> TorchNetwork:
    """Convolution, batch norm, dropout and a softmax head."""
    model = sequential(
        [
            L.Conv2D(3, 3, input_shape=(6, 5, 2), padding="same"),
            L.BatchNormalization(),
            L.Activation("relu"),
            L.Dropout(0.5),
            L.Flatten(),
            L.Dense(4, activation="softmax"),
        ],
        name="small",
    )
    return TorchBackend().build(model, draw(model, 0))


X = np.random.default_rng(0).normal(size=(7, 6, 5, 2)).astype(np.float32)


def test_taps_are_channels_last_and_complete() -> None:
    net = small()
    paths = [leaf.path for leaf in net.model.leaves]
    found = net.forward({"input": X}, taps=paths)
    assert set(found.taps) == set(paths)
    for leaf in net.model.leaves:
        if leaf.path != "flatten1":  # stored channels-first by rule, so only its size is public
            assert found.taps[leaf.path].shape == (7, *leaf.out_shape)
    assert np.array_equal(found.outputs["output"], found.taps["softmax1"])


def test_looking_changes_nothing() -> None:
    net = small()
    before = net.weights()
    net.forward({"input": X}, training=True)
    losses = {"output": Loss("sparse_categorical_crossentropy")}
    net.gradients({"input": X}, {"output": np.zeros(7, np.int64)}, losses)
    after = net.weights()
    assert all(np.array_equal(before[key], after[key]) for key in before)


def test_gradients_agree_with_finite_differences() -> None:
    model = small().model
    weights = draw(model, 1, np.float64)
    net = TorchBackend().build(model, weights, "float64")
    losses = {"output": Loss("sparse_categorical_crossentropy")}
    batch, target = {"input": X.astype(np.float64)}, {"output": np.arange(7) % 4}
    found = net.gradients(batch, target, losses, taps=["conv1"])
    assert found.taps["conv1"].shape == (7, 6, 5, 3)
    step = 1e-6
    for key, index in (
        ("conv1.weight", (1, 0, 2, 1)),
        ("bn1.bias", (2,)),
        ("dense1.weight", (3, 5)),
    ):
        values = []
        for sign in (1, -1):
            moved = {k: v.copy() for k, v in weights.items()}
            moved[key][index] += sign * step
            net = TorchBackend().build(model, moved, "float64")
            values.append(net.gradients(batch, target, losses).loss)
        numeric = (values[0] - values[1]) / (2 * step)
        assert found.parameters[key][index] == pytest.approx(numeric, rel=1e-6, abs=1e-9)


def test_weights_of_another_model_are_refused() -> None:
    model = small().model
    weights = draw(model, 0)
    with pytest.raises(RunError, match="has no 'conv1.bias'"):
        TorchBackend().build(model, {k: v for k, v in weights.items() if k != "conv1.bias"})
    with pytest.raises(RunError, match=r"dense1.bias has shape \(5,\)"):
        TorchBackend().build(model, {**weights, "dense1.bias": np.zeros(5, np.float32)})


def test_the_weights_are_copied_in() -> None:
    model = small().model
    weights = draw(model, 0)
    net = TorchBackend().build(model, weights)
    with torch.no_grad():
        for parameter in net.module.parameters():
            parameter.zero_()
    assert any(np.any(weights[key]) for key in weights)


def test_errors_inside_the_network_show_its_source() -> None:
    net = TorchBackend().build(zoo.build("mnist-cnn"), draw(zoo.build("mnist-cnn"), 0))
    try:
        net.module(torch.zeros(1, 2, 28, 28))
    except RuntimeError as error:
        assert error.__traceback__ is not None
        import traceback

        text = "".join(traceback.format_exception(error))
    assert "trimaran_source_" in text
    assert "self.conv1(x)" in text


def test_maps_out_are_channels_last() -> None:
    x = Input((4, 6, 2))
    model = functional(x, L.Conv2D(5, 1)(x))
    net = TorchBackend().build(model, draw(model, 0))
    batch = np.ones((3, 4, 6, 2), np.float32)
    assert net.forward({"input": batch}).outputs["output"].shape == (3, 4, 6, 5)


def test_no_number_is_drawn_for_a_network_without_storage():
    """PyTorch would import its compiler for it, which takes seconds."""
    code = """
import sys
from trimaran import zoo
from trimaran.backends.torch.build import module
from trimaran.weights import draw
model = zoo.build("charlstm", (8,), 5)
module(model, draw(model, 0))
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
