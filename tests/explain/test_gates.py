"""Gates by the equations: equal to PyTorch's cells step by step, and to the network that they
explain; a fault in them is seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from trimaran.backends.torch.build import TorchBackend
from trimaran.errors import RecipeError
from trimaran.explain.gates import draw, gates, recurrent_leaf, table
from trimaran.spec import Input, Model, functional
from trimaran.spec import layers as L
from trimaran.weights import draw as fresh

KINDS: Any = pytest.mark.parametrize("kind", [L.SimpleRNN, L.LSTM, L.GRU])


def reader(kind: Any, **given: Any) -> Model:
    tokens = Input((None,), name="input", dtype="int32")
    x = kind(5, name="memory", **given)(L.Embedding(9, 4, name="table")(tokens))
    return functional(tokens, L.Dense(2)(x), "reader")


def shown(model: Model, **changes: Any) -> Any:
    weights = {k: 2 * v for k, v in fresh(model, 0, np.float64).items()}
    network = TorchBackend().build(model, weights, "float64")
    tokens = np.array([[1, 5, 2, 8, 8]], np.int32)
    return gates(network, {**weights, **changes}, {"input": tokens}, list("abcde"))


@KINDS
@pytest.mark.parametrize("sequences", [False, True])
def test_the_hidden_states_are_the_networks_own(kind: Any, sequences: bool) -> None:
    found = shown(reader(kind, return_sequences=sequences))
    assert found.deviation < 1e-14
    assert found.values["hidden"].shape == (5, 5)


@KINDS
def test_a_cell_over_the_sequence_shows_its_own(kind: Any) -> None:
    assert shown(reader(kind, cell=True, return_sequences=True)).deviation < 1e-14


def test_both_ways_show_the_way_there() -> None:
    assert shown(reader(L.GRU, bidirectional=True, return_sequences=True)).deviation < 1e-14


@KINDS
def test_each_step_is_that_of_pytorchs_cell(kind: Any) -> None:
    model = reader(kind, return_sequences=True)
    weights = {k: 2 * v for k, v in fresh(model, 0, np.float64).items()}
    found = shown(model)
    cell = {L.SimpleRNN: nn.RNNCell, L.LSTM: nn.LSTMCell, L.GRU: nn.GRUCell}[kind](4, 5).double()
    own = {k.removeprefix("memory.").removesuffix("_l0"): torch.tensor(v)
           for k, v in weights.items() if k.startswith("memory.")}  # fmt: skip
    cell.load_state_dict(own)
    state: Any = None
    with torch.no_grad():
        for t, token in enumerate([1, 5, 2, 8, 8]):
            state = cell(torch.tensor(weights["table.weight"][None, token]), state)
            h = state[0] if isinstance(state, tuple) else state
            np.testing.assert_allclose(found.values["hidden"][t], h[0].numpy(), atol=1e-14)
            if isinstance(state, tuple):
                np.testing.assert_allclose(found.values["cell"][t], state[1][0], atol=1e-14)


def test_gates_lie_between_0_and_1_and_a_wrong_weight_is_seen() -> None:
    model = reader(L.LSTM, return_sequences=True)
    found = shown(model)
    for name in ("input", "forget", "output"):
        assert (found.values[name] > 0).all() and (found.values[name] < 1).all()
    twisted = fresh(model, 0, np.float64)["memory.weight_hh_l0"]
    assert shown(model, **{"memory.weight_hh_l0": -twisted}).deviation > 1e-3


def test_the_table_and_the_figure_hold_every_step_and_gate() -> None:
    found = replace(shown(reader(L.GRU)), steps=("a", "very long word", " ", "\n", "<b>"))
    lines = table(found).splitlines()
    assert lines[1].split() == ["step", "reset", "update", "candidate", "hidden"]
    assert len(lines) == 2 + 1 + 5 + 1
    svg = draw(found)
    assert svg.count("<image") == 4 and "very␣lon…" in svg and "&lt;b&gt;" in svg


def test_a_network_without_gates_is_told() -> None:
    x = Input((3,), name="input")
    with pytest.raises(RecipeError, match="plain has no recurrent layer"):
        recurrent_leaf(functional(x, L.Dense(2)(x), "plain"))
