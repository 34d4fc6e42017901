"""Recurrent layers and embeddings: shapes, arrays, counts of the literature, and refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trimaran.errors import DescriptionError
from trimaran.spec import Input, Model, functional
from trimaran.spec.initializers import Constant
from trimaran.spec.layer import Illegal
from trimaran.spec.layers import GRU, LSTM, Dense, Embedding, SimpleRNN
from trimaran.weights import draw

KINDS: dict[Any, tuple[type[Any], int]] = {
    SimpleRNN: (torch.nn.RNN, 1),
    LSTM: (torch.nn.LSTM, 2),
    GRU: (torch.nn.GRU, 1),
}
"""PyTorch's module, and the number of states."""

sizes = st.integers(1, 9)


@pytest.mark.parametrize("kind", KINDS)
@given(steps=sizes, features=sizes, units=sizes, bias=st.booleans())
def test_arrays_are_those_of_torchs_module(
    kind: Any, steps: int, features: int, units: int, bias: bool
) -> None:
    layer, shape = kind(units, use_bias=bias), (steps, features)
    layer.check(shape)
    twin = KINDS[kind][0](features, units, bias=bias, device="meta")
    own = [(p.name, p.shape) for p in layer.parameters(shape)]
    assert own == [(name, tuple(p.shape)) for name, p in twin.named_parameters()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [7, None])
def test_shapes_with_and_without_steps_and_states(kind: Any, steps: int | None) -> None:
    states, shape = ((3,),) * KINDS[kind][1], (steps, 5)
    assert kind(3).outputs(shape) == ((3,),)
    assert kind(3, return_sequences=True).outputs(shape) == ((steps, 3),)
    assert kind(3, return_state=True).outputs(shape, *states) == ((3,), *states)
    every = kind(3, return_sequences=True, return_state=True)
    assert every.outputs(shape) == ((steps, 3), *states)
    assert every.count_outputs() == 1 + len(states)


COUNTS: list[tuple[Any, Callable[[int, int], int]]] = [
    (SimpleRNN, lambda i, h: h * (h + i) + h),
    (LSTM, lambda i, h: 4 * (h * (h + i) + h)),
    (GRU, lambda i, h: 3 * (h * (h + i) + 2 * h)),
]


@pytest.mark.parametrize(("kind", "count"), COUNTS)
@given(features=sizes, units=sizes)
def test_the_counts_are_those_of_the_literature(
    kind: Any, count: Callable[[int, int], int], features: int, units: int
) -> None:
    x = Input((4, features))
    assert functional(x, kind(units)(x)).size == count(features, units)


def test_a_table_has_a_row_for_each_number() -> None:
    x = Input((7,), dtype="int32")
    y = Embedding(20, 6)(x)
    assert y.shape == (7, 6) and y.dtype == "float32"
    assert functional(x, y).size == 20 * 6
    assert Embedding(20, 6).output(()) == (6,)
    assert Embedding(20, 6).output((None, 2)) == (None, 2, 6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bias", [False, True])
def test_each_step_costs_its_two_products(kind: Any, bias: bool) -> None:
    rows = kind.GATES * 5
    step = Dense(rows, use_bias=bias).flops((3,)) + Dense(rows, use_bias=bias).flops((5,))
    assert kind(5, use_bias=bias).flops((7, 3)) == 7 * step


# How they start -------------------------------------------------------------------------------


def drawn(layer: Any, features: int = 4) -> dict[str, np.ndarray]:
    x = Input((3, features))
    model = functional(x, layer(x))
    return {key.rpartition(".")[2]: v for key, v in draw(model, 5, np.float64).items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("units", [1, 6])
def test_what_is_repeated_starts_orthogonal(kind: Any, units: int) -> None:
    """The columns, which are fewer than the rows of all gates, are orthonormal."""
    weight = drawn(kind(units))["weight_hh_l0"]
    assert np.abs(weight.T @ weight - np.eye(units)).max() < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_start_as_glorot_says(kind: Any) -> None:
    """Fan out counts the rows of all gates, as in Keras, whose kernel is one array."""
    units, features = 40, 60
    weight = drawn(kind(units), features)["weight_ih_l0"]
    limit = (6 / (features + kind.GATES * units)) ** 0.5
    assert 0.98 * limit < np.abs(weight).max() <= limit


def test_only_the_bias_of_the_forget_gate_starts_at_one() -> None:
    assert drawn(LSTM(2))["bias_ih_l0"].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    assert not drawn(LSTM(2, unit_forget_bias=False))["bias_ih_l0"].any()
    assert (drawn(LSTM(2, bias_initializer=Constant(0.5)))["bias_ih_l0"] == 0.5).all()
    for layer in (GRU(2), SimpleRNN(2)):
        assert not drawn(layer)["bias_ih_l0"].any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_bias_that_is_only_added_stays_zero_and_untrained(kind: Any) -> None:
    layer = kind(3, bias_initializer="ones")
    second = layer.parameters((4, 2))[3]
    assert second.name == "bias_hh_l0"
    assert second.trainable == (kind is GRU)
    assert (drawn(layer)["bias_hh_l0"] == (1.0 if kind is GRU else 0.0)).all()


# Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "shapes", "told"),
    [
        (LSTM(3), [(4,)], r"a sequence \(time, features\), got \(4,\); use Embedding or Reshape"),
        (GRU(3), [(4, 4, 1)], r"a sequence \(time, features\), got \(4, 4, 1\)"),
        (SimpleRNN(3), [(4, None)], r"a known number of features, got \(4, None\)"),
        (LSTM(0), [(4, 2)], "units of 1 or more, got 0; give the number of units"),
        (SimpleRNN(2, nonlinearity="elu"), [(4, 2)], "tanh or relu, got elu"),
        (LSTM(3), [(4, 2), (3,)], r"no initial state or 2, got 1; give initial_state=\[h, c\]"),
        (GRU(3), [(4, 2), (3,), (3,)], "no initial state or 1, got 2; give initial_state=h"),
        (LSTM(3), [(4, 2), (3,), (2,)], r"an initial state \(3,\), got \(2,\); fit it to the un"),
        (GRU(3), [(4, 2), (1, 3)], r"an initial state \(3,\), got \(1, 3\)"),
        (Embedding(0, 3), [(4,)], "input_dim of 1 or more, got 0"),
        (Embedding(3, 0), [(4,)], "output_dim of 1 or more, got 0; give the sizes of the table"),
    ],
)
def test_illegal(layer: Any, shapes: list[Any], told: str) -> None:
    with pytest.raises(Illegal, match=told):
        layer.check(*shapes)


def whole(*shape: int) -> Any:
    return Input(shape, name="tokens", dtype="int32")


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "rank": (lambda: LSTM(3)(Input((4,))), r"^lstm1 \(LSTM\): expected a sequence"),
    "float for a number": (
        lambda: Embedding(9, 2)(Input((4,))),
        r"^embedding1 \(Embedding\): expected int32 numbers, got float32; use Input\(\.\.\., dty",
    ),
    "number for a float": (
        lambda: LSTM(3, name="memory")(whole(4, 2)),
        r"^memory \(LSTM\): expected float32 numbers, got int32; use an Embedding before it",
    ),
    "number for a state": (
        lambda: GRU(3)(Input((4, 2)), initial_state=whole(3)),
        r"^gru1 \(GRU\): expected float32 numbers, got int32",
    ),
    "one state of two": (
        lambda: LSTM(3)(Input((4, 2)), initial_state=Input((3,))),
        r"^lstm1 \(LSTM\): expected no initial state or 2, got 1",
    ),
    "a state of another size": (
        lambda: SimpleRNN(3)(Input((4, 2)), initial_state=[Input((4,))]),
        r"^rnn1 \(SimpleRNN\): expected an initial state \(3,\), got \(4,\)",
    ),
    "numbers into a Dense": (
        lambda: Dense(3)(whole(4)),
        r"^dense1 \(Dense\): expected float32 numbers, got int32",
    ),
    "states where one tensor is taken": (
        lambda: Dense(3)(GRU(3, return_state=True)(Input((4, 2)))),
        r"^Dense: expected 1 tensor, got 2",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_path(name: str) -> None:
    call, told = REFUSED[name]
    with pytest.raises(DescriptionError, match=told):
        call()


def test_states_are_inputs_and_outputs_of_a_model() -> None:
    x, h, c = Input((4, 2), name="x"), Input((3,), name="h"), Input((3,), name="c")
    y, *states = LSTM(3, return_state=True)(x, initial_state=[h, c])
    outputs = {"y": y, "h": states[0], "c": states[1]}
    model: Model = functional([x, h, c], outputs)
    (leaf,) = model.leaves
    assert leaf.in_shapes == ((4, 2), (3,), (3,))
    assert (leaf.out_shape, leaf.behind) == ((3,), ((3,), (3,)))
    assert [model.output_shape(name) for name in outputs] == [(3,)] * 3


@pytest.mark.parametrize("index", [-1, 5, 1.0])
def test_the_padding_of_a_table_is_one_of_its_numbers(index: object):
    with pytest.raises(DescriptionError, match="padding_index from 0 to input_dim - 1"):
        Embedding(5, 2, padding_index=index)(Input((4,), dtype="int32"))  # type: ignore[arg-type]
