"""Every layer's forward and backward against PyTorch's autograd, in float64, on random cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.reference.deviations import (
    TOLERANCE,
    case,
    largest_deviation,
    like,
    listed,
    quick,
)
from tests.backends.reference.oracle import ORACLES
from tests.strategies import RECURRENT, cases, stateful_cases

from trimaran.backends.reference import core
from trimaran.backends.reference.layers import RULES, backward, forward
from trimaran.spec import layers as L
from trimaran.spec.layers import LAYERS
from trimaran.spec.layers.core import ACTIVATIONS
from trimaran.spec.layers.steps import STEPS


def test_every_layer_of_the_description_has_a_rule_and_an_oracle():
    assert set(RULES) == set(LAYERS.values()) == set(ORACLES)


@pytest.mark.parametrize("kind", LAYERS.values(), ids=LAYERS)
@quick
@given(data=st.data())
def test_layer_equals_pytorch(kind, data):
    layer, shapes = data.draw(cases(kind))
    ties, training = data.draw(st.booleans()), data.draw(st.booleans())
    seed = data.draw(st.integers(0, 99))
    found = largest_deviation(layer, shapes, seed, training, ties)
    assert max(found.values()) <= TOLERANCE, found


@pytest.mark.parametrize("parameter", [None, 0.1, 1.5])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_equals_pytorch(name, parameter):
    """On random numbers, and on quarters, which meet every kink."""
    layer = L.Activation(name, parameter if ACTIVATIONS[name] is not None else None)
    for ties in (False, True):
        found = largest_deviation(layer, ((4, 5, 6),), ties=ties)
        assert max(found.values()) <= TOLERANCE, found


@pytest.mark.parametrize("kind", LAYERS.values(), ids=LAYERS)
@settings(quick, max_examples=5)
@given(data=st.data())
def test_output_has_the_shape_of_the_description(kind, data):
    layer, shapes = data.draw(cases(kind))
    inputs, parameters = case(layer, shapes, 0, False)
    output, _ = forward(layer, parameters, inputs, True)
    assert tuple(array.shape[1:] for array in listed(output)) == layer.outputs(*shapes)
    assert {array.dtype for array in listed(output)} == {np.dtype("float64")}


def weighed(gradient: Any, output: Any) -> float:
    """Σ gradient·output, over all that the layer gives."""
    return sum(float(np.sum(g * y)) for g, y in zip(listed(gradient), listed(output), strict=True))


def finite_difference(layer: L.Layer, parameters: Any, inputs: Any, gradient: Any) -> Any:
    """∂(Σ gradient·output)/∂inputs by central differences of every entry."""
    step = 1e-6
    found = []
    for x in inputs:
        slope = np.zeros_like(x)
        for at in np.ndindex(*x.shape):
            kept = x[at]
            sums = []
            for moved in (kept + step, kept - step):
                x[at] = moved
                sums.append(weighed(gradient, forward(layer, parameters, inputs, True)[0]))
            x[at] = kept
            slope[at] = (sums[0] - sums[1]) / (2 * step)
        found.append(slope)
    return found


def check_by_differences(layer: L.Layer, shapes: Any) -> None:
    """Hold the gradients of the inputs to finite differences."""
    inputs, parameters = case(layer, shapes, 3, False)
    output, cache = forward(layer, parameters, inputs, True)
    gradient = like(output, 4)
    by_input, _ = backward(layer, parameters, cache, gradient)
    slopes = finite_difference(layer, parameters, inputs, gradient)
    kinds = layer.kinds(len(shapes))
    for mine, slope in [pair for *pair, kind in zip(by_input, slopes, kinds, strict=True)
                        if kind != STEPS]:  # fmt: skip
        scale = max(1.0, np.abs(slope).max(initial=0.0))
        assert np.abs(mine - slope).max(initial=0.0) <= 1e-4 * scale


@pytest.mark.parametrize("kind", [k for k in LAYERS.values() if k.TAKES == "float32"])
@settings(quick, max_examples=2)
@given(data=st.data())
def test_input_gradients_equal_finite_differences(kind, data):
    check_by_differences(*data.draw(cases(kind)))


@pytest.mark.parametrize("kind", RECURRENT)
@settings(quick, max_examples=2)
@given(data=st.data())
def test_gradients_of_states_equal_finite_differences(kind, data):
    check_by_differences(*data.draw(stateful_cases(kind)))


def test_a_number_has_no_gradient_and_a_row_gets_that_of_all_its_places():
    layer, x = L.Embedding(3, 2), np.array([[2, 0, 2]])
    output, cache = forward(layer, {"weight": np.arange(6.0).reshape(3, 2)}, (x,), True)
    assert output.tolist() == [[[4, 5], [0, 1], [4, 5]]]
    (sent,), found = backward(layer, {"weight": np.zeros((3, 2))}, cache, np.ones((1, 3, 2)))
    assert not sent.any()
    assert found["weight"].tolist() == [[1, 1], [0, 0], [2, 2]]


def test_the_gradient_of_a_tie_goes_to_the_first_entry_in_row_order():
    layer, x = L.MaxPooling2D(2), np.zeros((1, 2, 2, 1))
    output, cache = forward(layer, {}, (x,), True)
    (sent,), _ = backward(layer, {}, cache, np.ones_like(output))
    assert sent.ravel().tolist() == [1, 0, 0, 0]


def test_the_gradient_of_a_tie_over_a_whole_map_is_shared():
    layer, x = L.GlobalMaxPooling2D(), np.array([1.0, 3.0, 3.0, 0.0]).reshape(1, 2, 2, 1)
    output, cache = forward(layer, {}, (x,), True)
    (sent,), _ = backward(layer, {}, cache, np.ones_like(output))
    assert sent.ravel().tolist() == [0, 0.5, 0.5, 0]


def test_relu_has_no_slope_at_zero():
    _, cache = forward(L.Activation("relu"), {}, (np.zeros((1, 1)),), True)
    assert backward(L.Activation("relu"), {}, cache, np.ones((1, 1)))[0][0].item() == 0


def test_rescaling_by_numbers_of_hand() -> None:
    layer, x = L.Rescaling(-2.0, 0.5), np.array([[1.0, 0.0, -3.0]])
    output, cache = forward(layer, {}, (x,), True)
    assert output.tolist() == [[-1.5, 0.5, 6.5]]
    assert backward(layer, {}, cache, np.ones((1, 3)))[0][0].tolist() == [[-2.0, -2.0, -2.0]]


def test_dropout_applies_a_mask_only_in_training():
    layer, x = L.Dropout(0.5), np.ones((1, 4))
    mask = {"mask": np.array([[0.0, 1.0, 1.0, 0.0]])}
    trained, cache = forward(layer, mask, (x,), True)
    assert trained.tolist() == [[0, 2, 2, 0]]
    assert backward(layer, mask, cache, x)[0][0].tolist() == [[0, 2, 2, 0]]
    assert forward(layer, mask, (x,), False)[0] is x


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "silu", "mish", "log_sigmoid", "gelu"])
def test_large_numbers_do_not_overflow(name):
    x = np.array([[-1e4, -750.0, 750.0, 1e4]])
    with np.errstate(over="raise", invalid="raise"):
        output, cache = forward(L.Activation(name), {}, (x,), True)
        (sent,), _ = backward(L.Activation(name), {}, cache, np.ones_like(x))
    assert np.isfinite(output).all() and np.isfinite(sent).all()


def test_batch_statistics_move_as_pytorch_moves_them():
    from trimaran.backends.reference.normalization import updated_statistics

    layer, rng = L.BatchNormalization(momentum=0.9), np.random.default_rng(0)
    x = rng.normal(size=(4, 3, 3, 2))
    module = torch.nn.BatchNorm2d(2, layer.epsilon, momentum=0.1, dtype=torch.float64)
    parameters = {key: value.numpy().copy() for key, value in module.state_dict().items()}
    _, cache = forward(layer, parameters, (x,), True)
    module(torch.tensor(x).movedim(-1, 1))
    for key, value in updated_statistics(layer, parameters, cache).items():
        assert np.abs(value - module.state_dict()[key].numpy()).max() <= 1e-14


# Planted faults: the comparison above must see each of them -----------------------------------

FAULTS = {
    "transposed kernel": (L.Conv2D(2, 3), L.Conv2D(2, 3), (5, 5, 2)),
    "other epsilon": (L.BatchNormalization(epsilon=1e-3), L.BatchNormalization(epsilon=1e-5),
                      (4, 4, 2)),
    "missing groups": (L.Conv2D(4, 1, groups=2), L.Conv2D(4, 1, groups=4), (4, 4, 4)),
    "missing dilation": (L.Conv2D(2, 2, dilation_rate=2, padding="same"),
                         L.Conv2D(2, 2, padding="same"), (5, 5, 2)),
    "odd cell before": (L.Conv2D(1, 2, padding="same"), L.Conv2D(1, 2, padding=((1, 0), (1, 0))),
                        (4, 4, 1)),
    "padding counted": (L.AveragePooling2D(3, 1, padding="same"), None, (4, 4, 1)),
    "tanh form of gelu": (L.Activation("gelu"), None, (6,)),
    "aligned corners": (L.UpSampling2D(2, "bilinear"), None, (3, 3, 1)),
    "relu for tanh": (L.SimpleRNN(3), L.SimpleRNN(3, nonlinearity="relu"), (4, 2)),
    "output gate for forget gate": (L.LSTM(3), None, (4, 2)),
    "reset gate before the product": (L.GRU(3), None, (4, 2)),
    "steps backwards": (L.GRU(3, return_sequences=True), None, (4, 2)),
    "heads for features": (L.MultiHeadAttention(2), None, (4, 6)),
    "scores that are not scaled": (L.MultiHeadAttention(2), None, (4, 6)),
    "no causal mask": (L.MultiHeadAttention(2, use_causal_mask=True), None, (4, 6)),
    "number added first": (L.Rescaling(2.0, -1.0), L.Rescaling(2.0, -2.0), (6,)),
    "positions that are not turned": (L.MultiHeadAttention(2, 4, rotary=True), None, (4, 6)),
}  # fmt: skip


def _other_gates(layer, p, x, training):
    order = [0, 3, 2, 1]
    turned = {k: torch.cat([v.chunk(4)[i] for i in order]) for k, v in p.items()}
    return ORACLES_BEFORE[L.LSTM](layer, turned, x, training)


def _reset_before(layer, p, x, training):
    h = x.new_zeros(len(x), layer.units)
    for t in range(x.shape[1]):
        own = (x[:, t] @ p["weight_ih_l0"].T + p["bias_ih_l0"]).chunk(3, 1)
        w, b = p["weight_hh_l0"].chunk(3), p["bias_hh_l0"].chunk(3)
        r, z = (torch.sigmoid(own[i] + h @ w[i].T + b[i]) for i in (0, 1))
        h = (1 - z) * torch.tanh(own[2] + (r * h) @ w[2].T + b[2]) + z * h
    return h


def _backwards(layer, p, x, training):
    return ORACLES_BEFORE[L.GRU](layer, p, x.flip(1), training).flip(1)


def _attention(change):
    """The oracle on another layer or other arrays."""

    def call(layer, p, x, training):
        return ORACLES_BEFORE[L.MultiHeadAttention](*change(layer, dict(p)), x, training)

    return call


def _features_first(layer, p):
    """Feature j of head i where feature i of head j belongs."""
    for key in ("in_proj_weight", "in_proj_bias"):
        parts = [rows.unflatten(0, (2, 3)).transpose(0, 1) for rows in p[key].chunk(3)]
        p[key] = torch.cat([part.flatten(0, 1) for part in parts])
    turned = p["out_proj.weight"].unflatten(1, (2, 3)).transpose(1, 2).flatten(1, 2)
    return layer, {**p, "out_proj.weight": turned}


def _unscaled(layer, p):
    weight, bias = p["in_proj_weight"], p["in_proj_bias"]
    root = torch.tensor([3**0.5] * 6 + [1.0] * 12).double()
    return layer, {**p, "in_proj_weight": weight * root[:, None], "in_proj_bias": bias * root}


OVER_TIME = {
    "heads for features": _attention(_features_first),
    "scores that are not scaled": _attention(_unscaled),
    "no causal mask": _attention(lambda layer, p: (replace(layer, use_causal_mask=False), p)),
    "positions that are not turned": _attention(lambda layer, p: (replace(layer, rotary=False), p)),
    "output gate for forget gate": _other_gates,
    "reset gate before the product": _reset_before,
    "steps backwards": _backwards,
}


def _faulty(name: str) -> Any:
    """PyTorch's side with the fault in it."""
    other = FAULTS[name][1]

    def tanh_gelu(layer, p, x, training):
        return torch.nn.functional.gelu(x, approximate="tanh")

    def aligned(layer, p, x, training):
        x = x.movedim(-1, 1)
        return torch.nn.functional.interpolate(
            x, scale_factor=2, mode="bilinear", align_corners=True
        ).movedim(1, -1)

    def counted(layer, p, x, training):
        return torch.nn.functional.avg_pool2d(x.movedim(-1, 1), 3, 1, 1).movedim(1, -1)

    def transposed(layer, p, x, training):
        turned = {**p, "weight": p["weight"].transpose(2, 3)}
        return ORACLES_BEFORE[L.Conv2D](layer, turned, x, training)

    def replaced(layer, p, x, training):
        weight = p.get("weight")
        if name == "missing groups":
            p = {**p, "weight": weight[:, :1]}
        return ORACLES_BEFORE[type(layer)](other, p, x, training)

    special = {
        "tanh form of gelu": tanh_gelu,
        "aligned corners": aligned,
        "padding counted": counted,
        "transposed kernel": transposed,
        **OVER_TIME,
    }
    return special.get(name, replaced)


ORACLES_BEFORE = dict(ORACLES)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_seen(name, monkeypatch):
    layer, _, shape = FAULTS[name]
    assert max(largest_deviation(layer, (shape,)).values()) <= TOLERANCE
    monkeypatch.setitem(ORACLES, type(layer), _faulty(name))
    assert max(largest_deviation(layer, (shape,)).values()) > 1e-5


def test_a_tie_sent_to_the_last_entry_is_seen(monkeypatch):
    def last_of_equals(layer, p, x, training):
        turned = ORACLES_BEFORE[L.MaxPooling2D](layer, p, x.flip(1, 2), training)
        return turned.flip(1, 2)

    assert max(largest_deviation(L.MaxPooling2D(2), ((4, 4, 3),), ties=True).values()) <= TOLERANCE
    monkeypatch.setitem(ORACLES, L.MaxPooling2D, last_of_equals)
    found = [
        largest_deviation(L.MaxPooling2D(2), ((4, 4, 9),), seed, ties=True) for seed in range(4)
    ]
    assert max(f["output"] for f in found) <= TOLERANCE
    assert max(f["input0"] for f in found) > 1e-2


def test_a_wrong_derivative_is_seen(monkeypatch):
    wrong = core.Rule(core.dense, lambda *a: (core.dense_backward(*a)[0], {
        key: value * 0.999 for key, value in core.dense_backward(*a)[1].items()}))  # fmt: skip
    monkeypatch.setitem(RULES, L.Dense, wrong)
    assert largest_deviation(L.Dense(3), ((4,),))["weight"] > 1e-5
