"""Recurrent cells: PyTorch's arrays, shapes, what goes over a sequence, refusals."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trimaran.errors import DescriptionError
from trimaran.spec import Input, functional
from trimaran.spec.layer import Illegal
from trimaran.spec.layers import (
    GRU,
    LSTM,
    RNN,
    Dense,
    Embedding,
    GRUCell,
    LSTMCell,
    SimpleRNN,
    SimpleRNNCell,
)

TORCH = {SimpleRNNCell: torch.nn.RNNCell, LSTMCell: torch.nn.LSTMCell, GRUCell: torch.nn.GRUCell}
OVER: dict[Any, Any] = {SimpleRNNCell: SimpleRNN, LSTMCell: LSTM, GRUCell: GRU}
KINDS: Any = pytest.mark.parametrize("kind", TORCH)
sizes = st.integers(1, 5)


@KINDS
@given(units=sizes, features=sizes, bias=st.booleans())
def test_arrays_are_those_of_torchs_cell(kind: Any, units: int, features: int, bias: bool) -> None:
    own = kind(units, use_bias=bias).parameters((features,), *((units,),) * 2)
    twin = TORCH[kind](features, units, bias=bias, device="meta")
    assert [(p.name, p.shape) for p in own] == [
        (n, tuple(p.shape)) for n, p in twin.named_parameters()
    ]


@KINDS
def test_over_a_sequence_it_is_the_layer(kind: Any) -> None:
    """Of equal arrays, in number, size, start and cost; only their names are the cell's."""
    cell = kind(3, recurrent_initializer="zeros")
    layer, twin = RNN(cell, return_sequences=True), OVER[kind](3, True)
    x = Input((4, 2))
    assert layer(x).shape == (4, 3)
    assert [p.name for p in layer.parameters((4, 2))] == [p.name for p in cell.parameters((2,))]
    for own, other in zip(layer.parameters((4, 2)), twin.parameters((4, 2)), strict=True):
        assert other.name == f"{own.name}_l0" and own.shape == other.shape
        assert own.trainable == other.trainable
        assert (own.initial == other.initial) == (own.name != "weight_hh")
    assert layer.flops((4, 2)) == twin.flops((4, 2)) == 4 * cell.flops((2,), (3,), (3,))


def test_states_go_in_and_come_out() -> None:
    x, h, c = Input((2,), name="x"), Input((3,), name="h"), Input((3,), name="c")
    after = LSTMCell(3, name="lstm")(x, h, c)
    assert [state.shape for state in after] == [(3,), (3,)]
    assert GRUCell(3)(x, h).shape == SimpleRNNCell(3)(x, h).shape == (3,)
    model = functional(
        [x, h, c], {"y": Dense(5, name="fc")(after[0]), "h": after[0], "c": after[1]}
    )
    assert list(model.parameters)[:2] == ["lstm.weight_ih", "lstm.weight_hh"]


@pytest.mark.parametrize(
    ("layer", "shapes", "told"),
    [
        (LSTMCell(3), [(4, 2), (3,), (3,)], r"one step \(features,\), got \(4, 2\); use RNN\(cell"),
        (LSTMCell(3), [(2,)], r"2 states behind the step, got 0; call it on \(x, h, c\)"),
        (GRUCell(3), [(2,), (3,), (3,)], r"1 state behind the step, got 2; call it on \(x, h\)"),
        (LSTMCell(3), [(2,), (3,), (4,)], r"an initial state \(3,\), got \(4,\)"),
        (GRUCell(0), [(2,), (3,)], "units of 1 or more, got 0"),
        (SimpleRNNCell(3, nonlinearity="elu"), [(2,), (3,)], "tanh or relu, got elu"),
        (LSTM(3, cell=True, bidirectional=True), [(4, 2)], r"two ways; use LSTM\(units\)"),
    ],
)
def test_illegal(layer: Any, shapes: list[Any], told: str) -> None:
    with pytest.raises(Illegal, match=told):
        layer.check(*shapes)


def test_refused() -> None:
    layer: Any = LSTM(3)
    with pytest.raises(DescriptionError, match=r"RNN: expected a cell such as LSTMCell.*got LSTM"):
        RNN(layer)
    words = Embedding(5, 2, mask_zero=True)(Input((4,), dtype="int32"))
    with pytest.raises(DescriptionError, match=r"^gru1 \(GRU\).*got padded rows.*use GRU\(units"):
        RNN(GRUCell(3))(words)
