"""The traced step: as the module answers, for any room, whether NumPy takes it or PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trimaran import zoo
from trimaran.backends.torch import stepping
from trimaran.backends.torch.build import TorchNetwork
from trimaran.backends.torch.stepping import Stepper
from trimaran.spec import Input, functional
from trimaran.spec import layers as L
from trimaran.spec.stepping import Stepwise, stepwise
from trimaran.weights import draw

TOKENS = (3, 1, 4, 1, 5)
TAKEN_BY = {"numpy": np.ndarray, "torch": torch.Tensor}


@pytest.fixture(params=TAKEN_BY)
def taker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who takes the steps; PyTorch does where the graph cannot be written for NumPy."""
    if request.param == "torch":
        monkeypatch.setattr(stepping, "lowered", lambda graph: None)
    return str(request.param)


def begin(steps: Stepwise, room: int) -> dict[str, np.ndarray]:
    return {
        name: np.zeros((1, *(room if n is None else n for n in shape)), np.float32)
        for name, shape in steps.states.items()
    }


def step(token: int, states: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {"input": np.array([[token]], np.int32), **states}


@pytest.mark.parametrize("name", ["chargpt", "charlstm", "charlstm-cell", "chargru"])
def test_every_step_is_the_module_s(name: str, taker: str):
    """With the states that it returned before, and more room from the third step on."""
    steps = stepwise(zoo.build(name, (16,), 7))
    weights = draw(steps.model, 0)
    traced, network = Stepper(steps.model, weights), TorchNetwork(steps.model, weights)
    ours, theirs = begin(steps, 2), begin(steps, 2)
    for number, token in enumerate(TOKENS):
        if number == 2:
            ours, theirs = (widened(steps, states) for states in (ours, theirs))
        ours, wanted = traced(step(token, ours)), network.forward(step(token, theirs)).outputs
        assert ours.keys() == wanted.keys()
        for key, value in wanted.items():
            assert np.abs(np.asarray(ours[key]) - value).max() <= 1e-6, key
        assert isinstance(ours.pop("output"), np.ndarray)
        assert all(isinstance(state, TAKEN_BY[taker]) for state in ours.values())
        theirs = {key: value for key, value in wanted.items() if key != "output"}


def widened(steps: Stepwise, states: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    rows = {name: 4 if shape[0] is None else 0 for name, shape in steps.states.items()}
    return {
        name: np.pad(np.asarray(state), [(0, 0), (0, rows[name]), *[(0, 0)] * (state.ndim - 2)])
        for name, state in states.items()
    }


@pytest.mark.usefixtures("taker")
def test_a_copy_of_the_states_goes_on_another_way():
    steps = stepwise(zoo.build("chargpt", (16,), 7))
    traced = Stepper(steps.model, draw(steps.model, 0))
    after = traced(step(3, begin(steps, 4)))
    first = {name: np.asarray(after[name]).copy() for name in steps.states}
    one, _, again = (
        traced(step(token, {name: state.copy() for name, state in first.items()}))["output"]
        for token in (1, 2, 1)
    )
    assert (one == again).all()


def test_pytorch_leaves_what_was_given_and_the_process_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(stepping, "lowered", lambda graph: None)
    steps = stepwise(zoo.build("chargpt", (16,), 7))
    traced, states = Stepper(steps.model, draw(steps.model, 0)), begin(steps, 4)
    first = traced(step(3, states))
    assert not any(state.any() for state in states.values())
    kept = {name: np.asarray(value).copy() for name, value in first.items()}
    first.pop("output")
    traced(step(1, first))
    assert all((np.asarray(state) == kept[name]).all() for name, state in first.items())
    assert torch.backends.mkldnn.enabled and not torch.is_inference_mode_enabled()


@pytest.mark.usefixtures("taker")
def test_beyond_its_room_every_step_is_the_module_s():
    steps = stepwise(zoo.build("chargpt", (16,), 7))
    weights = draw(steps.model, 0)
    traced, network = Stepper(steps.model, weights), TorchNetwork(steps.model, weights)
    ours, theirs = begin(steps, 3), begin(steps, 3)
    for token in (*TOKENS, *TOKENS):
        ours, wanted = traced(step(token, ours)), network.forward(step(token, theirs)).outputs
        for key, value in wanted.items():
            assert np.abs(np.asarray(ours[key]) - value).max() <= 1e-6, key
        ours.pop("output")
        theirs = {key: value for key, value in wanted.items() if key != "output"}


def test_a_place_that_a_table_does_not_have_is_an_error(taker: str):
    tokens = Input((2,), dtype="int32")
    embedded = L.PositionEmbedding(2)(L.Embedding(7, 4)(tokens))
    x = L.MultiHeadAttention(1, use_causal_mask=True)(embedded)
    steps = stepwise(functional(tokens, L.Dense(7)(x)))
    traced, states = Stepper(steps.model, draw(steps.model, 0)), begin(steps, 2)
    for token in (3, 1):
        states = traced(step(token, states))
        states.pop("output")
    with pytest.raises(IndexError if taker == "numpy" else RuntimeError, match="index .*out of"):
        traced(step(1, states))
    assert torch.backends.mkldnn.enabled
