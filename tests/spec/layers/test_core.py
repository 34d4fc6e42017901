from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from trimaran.errors import DescriptionError
from trimaran.spec.layer import Illegal
from trimaran.spec.layers import (
    ELU,
    Activation,
    Dense,
    Dropout,
    LeakyReLU,
    ReLU,
    Rescaling,
    Softmax,
)
from trimaran.spec.layers.core import ACTIVATIONS


@given(st.lists(st.integers(1, 5), max_size=2), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_dense_is_torchs_linear(rows: list[int], features: int, units: int, bias: bool) -> None:
    shape = (*rows, features)
    layer = Dense(units, use_bias=bias)
    layer.check(shape)
    twin = torch.nn.Linear(features, units, bias=bias, device="meta")
    with FlopCounterMode(display=False) as counter:
        out = twin(torch.empty(1, *shape, device="meta"))
    assert layer.output(shape) == tuple(out.shape[1:])
    own = [(p.name, p.shape) for p in layer.parameters(shape)]
    assert own == [(name, tuple(p.shape)) for name, p in twin.named_parameters()]
    biases = out.numel() if bias else 0
    assert layer.flops(shape) == counter.get_total_flops() + biases
    assert {p.fan for p in layer.parameters(shape)} == {(features, units)}


@pytest.mark.parametrize(
    ("layer", "shape", "told"),
    [
        (Dense(3), (), "at least one axis"),
        (Dense(3), (5, None), r"a known last axis, got \(5, None\); fix that size"),
        (Dense(0), (5,), "units of 1 or more, got 0; give the number of neurons"),
        (Dense(-1), (5,), "units of 1 or more"),
        (Dense("10"), (5,), "units of 1 or more, got 10"),  # type: ignore[arg-type]
        (Dropout(1.0), (5,), r"a rate in \[0, 1\), got 1.0; give the share to drop"),
        (Dropout(-0.1), (5,), "a rate in"),
        (Rescaling(float("nan")), (5,), "a finite number as scale, got nan; give a Python float"),
        (Rescaling(1.0, float("-inf")), (5,), "a finite number as offset, got -inf"),
        (Rescaling(10**400), (5,), "a finite number as scale, got 1000"),
        (Rescaling(True), (5,), "a finite number as scale, got True"),
        (Rescaling("2"), (5,), "a finite number as scale, got '2'"),  # type: ignore[arg-type]
        (Rescaling(1.0, [0.5]), (5,), r"as offset, got \[0.5\]"),  # type: ignore[arg-type]
    ],
)
def test_illegal(layer: Any, shape: Any, told: str) -> None:
    with pytest.raises(Illegal, match=told):
        layer.check(shape)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_keep_the_shape_and_have_no_parameters(name: str) -> None:
    layer = Activation(name)
    assert layer.output((4, 3)) == (4, 3)
    assert layer.parameters((4, 3)) == ()
    assert layer.parameter == ACTIVATIONS[name]
    assert layer.flops((4, 3)) == 12


def test_rescaling_keeps_the_shape_and_counts_what_it_computes() -> None:
    assert Rescaling(2, -1) == Rescaling(2.0, -1.0) and repr(Rescaling(2).scale) == "2.0"
    assert Rescaling(2.0).output((4, None)) == (4, None)
    assert Rescaling(2.0).parameters((4, 3)) == ()
    counts = {(1.0, 0.0): 0, (2.0, 0.0): 12, (1.0, 1.0): 12, (0.0, 1.0): 24}
    assert {own: Rescaling(*own).flops((4, 3)) for own in counts} == counts


def test_activation_names() -> None:
    assert Activation("swish") == Activation("silu")
    assert ReLU() == Activation("relu")
    assert LeakyReLU(0.1) == Activation("leaky_relu", 0.1)
    assert ELU(0.5) == Activation("elu", 0.5)
    assert Softmax(name="s") == Activation("softmax", name="s")
    with pytest.raises(DescriptionError, match="activation 'rleu' is unknown; use one of relu,"):
        Activation("rleu")
