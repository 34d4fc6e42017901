"""The traced step: as the module answers, for any room, with nothing of the caller's changed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from trimaran import zoo
from trimaran.backends.torch.build import TorchNetwork
from trimaran.backends.torch.stepping import Stepper
from trimaran.spec.stepping import Stepwise, stepwise
from trimaran.weights import draw

TOKENS = (3, 1, 4, 1, 5)


def begin(steps: Stepwise, room: int) -> dict[str, np.ndarray]:
    return {
        name: np.zeros((1, *(room if n is None else n for n in shape)), np.float32)
        for name, shape in steps.states.items()
    }


def step(token: int, states: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {"input": np.array([[token]], np.int32), **states}


@pytest.mark.parametrize("name", ["chargpt", "charlstm", "charlstm-cell", "chargru"])
def test_every_step_is_the_module_s(name: str):
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
        assert all(isinstance(state, Tensor) for state in ours.values())
        theirs = {key: value for key, value in wanted.items() if key != "output"}


def widened(steps: Stepwise, states: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    rows = {name: 4 if shape[0] is None else 0 for name, shape in steps.states.items()}
    return {
        name: np.pad(np.asarray(state), [(0, 0), (0, rows[name]), *[(0, 0)] * (state.ndim - 2)])
        for name, state in states.items()
    }


def test_what_was_given_stays_as_it_was_and_so_does_the_process():
    steps = stepwise(zoo.build("chargpt", (16,), 7))
    traced, states = Stepper(steps.model, draw(steps.model, 0)), begin(steps, 4)
    first = traced(step(3, states))
    assert not any(state.any() for state in states.values())
    kept = {name: np.asarray(value).copy() for name, value in first.items()}
    first.pop("output")
    traced(step(1, first))
    assert all((np.asarray(state) == kept[name]).all() for name, state in first.items())
    assert torch.backends.mkldnn.enabled and not torch.is_inference_mode_enabled()


def test_a_place_beyond_the_room_is_an_error():
    steps = stepwise(zoo.build("chargpt", (16,), 7))
    traced, states = Stepper(steps.model, draw(steps.model, 0)), begin(steps, 1)
    after = traced(step(3, states))
    after.pop("output")
    with pytest.raises(RuntimeError, match="out of bounds"):
        traced(step(1, after))
    assert torch.backends.mkldnn.enabled
