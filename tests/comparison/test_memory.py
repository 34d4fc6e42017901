"""How many copies of a model's weights the ladder holds at once.

NumPy tells `tracemalloc` what it allocates, PyTorch does not: counted is what the ladder keeps and
compares, without the two networks that train.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from trimaran.comparison.free import controls_of
from trimaran.comparison.ladder import climb
from trimaran.comparison.problem import Problem
from trimaran.comparison.runner import beginning, running
from trimaran.spec import Input, functional
from trimaran.spec import layers as L
from trimaran.steps.parity import Climb, Subject, problems, side

WIDE = 1000
COPY = WIDE * WIDE * 8
"""Bytes of the wide layer's weights in float64, which are nearly all."""


def wide(steps: int) -> Problem:
    """One wide layer, and as many updates by Adam, which has two slots a weight."""
    x = Input((WIDE,))
    model = functional(x, L.Dense(WIDE)(x), "wide")
    given = Climb(("torch", "jax"), steps, ("adam",), ("float64",), 4)
    (problem,) = problems(Subject(model), given)
    return problem


def copies(work: Callable[[], object]) -> float:
    """The most memory that NumPy held meanwhile, in copies of the weights."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / COPY
    finally:
        tracemalloc.stop()


def test_a_ladder_holds_one_state_however_many_updates_there_are() -> None:
    torch = side("torch")
    sides = [torch, replace(torch, name="another"), replace(torch, name="a third")]
    # The state that all set out from is three copies; the rest is what stands between arrays and
    # their deviation, a copy each here, where a layer is smaller than what is compared at once.
    for steps in (2, 12):
        problem = wide(steps)
        assert copies(lambda problem=problem: list(climb(problem, sides))) < 7.5


def test_of_a_control_its_deviations_are_kept_alone() -> None:
    problem, torch = wide(4), side("torch")
    with running(problem, torch) as first:
        start = beginning(problem, first.engine.state())
        controls = controls_of(first, start, count=12)
        held = copies(lambda: controls.ready(0.0))
    assert len(controls.curves) == 12 and 0 < controls.largest < 1e-12
    assert held < 4 + 6  # the undisturbed run's weights after each update, and one control


def test_a_beginning_takes_no_memory_of_its_own() -> None:
    problem = wide(1)
    with running(problem, side("torch")) as first:
        state = first.engine.state()
        start = beginning(problem, state)
    for group, arrays in state.items():
        for key, values in arrays.items():
            assert np.array_equal(start[group][key], values)
    assert all(start["model"][key] is weight for key, weight in problem.weights.items())
    assert all(not any(a.strides) for a in start["optimizer"].values())
