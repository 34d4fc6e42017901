"""Sequences in the reference: states, padding, attention and positions, step by step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.backends.reference.deviations import (
    TOLERANCE,
    case,
    deviation,
    largest_deviation,
    like,
    quick,
)
from tests.strategies import MASKED, RECURRENT, padded_cases, stateful_cases

from trimaran.backends.reference.layers import backward, forward
from trimaran.spec import layers as L


@pytest.mark.parametrize("kind", RECURRENT)
@quick
@given(data=st.data())
def test_states_in_and_out_equal_pytorch(kind, data):
    """Gradients come from the last states too, and reach the first ones."""
    layer, shapes = data.draw(stateful_cases(kind))
    found = largest_deviation(layer, shapes, data.draw(st.integers(0, 99)))
    assert len(found) >= 3 + (len(shapes) - 1) + layer.return_state * layer.STATES
    assert max(found.values()) <= TOLERANCE, found


@pytest.mark.parametrize("kind", MASKED)
@quick
@given(data=st.data())
def test_padding_equals_rows_by_themselves(kind, data):
    """A padded row gives what the same row gives alone, cut to its steps."""
    layer, shapes = data.draw(padded_cases(kind))
    found = largest_deviation(layer, shapes, data.draw(st.integers(0, 99)))
    assert max(found.values()) <= TOLERANCE, found


@pytest.mark.parametrize("rotary", [False, True])
def test_attention_a_step_at_a_time_is_that_of_the_whole(rotary):
    """Forwards, and backwards through all that was kept from step to step."""
    layer = L.MultiHeadAttention(2, 4, use_causal_mask=True, rotary=rotary)
    (x,), parameters = case(layer, ((5, 6),), 0, False)
    wanted, cache = forward(layer, parameters, (x,), True)
    gradient = like(wanted, 1)
    (into,), by_parameter = backward(layer, parameters, cache, gradient)
    step, size = replace(layer, cached=True), len(x)
    states, caches = (np.zeros((size, 7, 8)),) * 2 + (np.zeros((size, 1)),), []
    for t in range(5):
        (y, *states), cache = forward(step, parameters, (x[:, t : t + 1], *states), True)
        assert deviation(y[:, 0], wanted[:, t]) <= 1e-14
        caches.append(cache)
    deltas, sums = tuple(np.zeros_like(state) for state in states), dict.fromkeys(parameters, 0.0)
    for t in reversed(range(5)):
        given = (gradient[:, t : t + 1], *deltas)
        (sent, *deltas), found = backward(step, parameters, caches[t], given)
        assert deviation(sent[:, 0], into[:, t]) <= 1e-14
        sums = {key: sums[key] + value for key, value in found.items()}
    for key, value in by_parameter.items():
        assert deviation(sums[key], value) <= 1e-14


@pytest.mark.parametrize("layer", [L.PositionEmbedding(6), L.SinePositionEncoding()])
def test_positions_a_step_at_a_time_are_those_of_the_whole(layer):
    (x,), parameters = case(layer, ((5, 3),), 0, False)
    wanted, _ = forward(layer, parameters, (x,), True)
    at, sums = np.zeros((len(x), 1)), dict.fromkeys(parameters, 0.0)
    for t in range(5):
        (y, at), cache = forward(
            replace(layer, cached=True), parameters, (x[:, t : t + 1], at), True
        )
        assert deviation(y[:, 0], wanted[:, t]) <= 1e-15
        given = (np.ones_like(y), np.zeros_like(at))
        _, found = backward(replace(layer, cached=True), parameters, cache, given)
        sums = {key: sums[key] + value for key, value in found.items()}
    for value in sums.values():
        assert value[:5].tolist() == [[len(x)] * 3] * 5 and not value[5:].any()


def test_a_bias_of_keys_has_no_gradient():
    layer = L.MultiHeadAttention(2)
    inputs, parameters = case(layer, ((5, 6),), 0, False)
    output, cache = forward(layer, parameters, inputs, True)
    _, found = backward(layer, parameters, cache, np.ones_like(output))
    q, k, v = np.split(found["in_proj_bias"], 3)
    assert q.any() and not k.any() and v.any()
