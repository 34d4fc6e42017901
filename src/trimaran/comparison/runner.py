"""A side with its engine, as the rungs that train use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from trimaran.comparison.problem import Problem
from trimaran.comparison.side import Side
from trimaran.training.engine import Engine, Groups, Update
from trimaran.training.schedules import Horizon, factor

State = dict[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class Runner:
    """A side that trains on the problem."""

    problem: Problem
    side: Side
    engine: Engine

    def begin(self, start: Groups) -> None:
        """Stand before the first update, in this state, with nothing left behind."""
        self.stand(start, 0)
        self.engine.drain()

    def stand(self, state: Groups, step: int) -> None:
        """Take this state, which `step` updates have led to; the next update goes on from it."""
        self.engine.restore(state, step)
        self.engine.begin(0, self.problem.order, step)

    def update(self, step: int) -> None:
        """Make update number `step` (from 1)."""
        self.engine.update([update_of(self.problem, self.side, step)])


@contextmanager
def running(problem: Problem, side: Side) -> Iterator[Runner]:
    """The side with its engine, while entered."""
    assert side.engine is not None
    with side.engine(
        problem.model, problem.weights, problem.precision, problem.objectives, problem.splits,
        problem.training,
    ) as engine:  # fmt: skip
        yield Runner(problem, side, engine)


def update_of(problem: Problem, side: Side, step: int) -> Update:
    """Update number `step` (from 1), with the schedule's rate and the step's masks."""
    training = problem.training
    horizon = Horizon(problem.steps, problem.steps)
    rate = training.optimizer.learning_rate * factor(training.schedule, step - 1, horizon)
    masks = side.masks(problem.model, problem.masks(step))
    return Update(step, step - 1, 1, rate, (step,), masks)


def copied(groups: Groups) -> State:
    """The groups with arrays of their own."""
    return {g: {key: np.array(a) for key, a in arrays.items()} for g, arrays in groups.items()}


def overwrite(state: State, groups: Groups) -> None:
    """Fill the state's own arrays from such groups: no second copy is ever held."""
    for group, arrays in groups.items():
        for key, values in arrays.items():
            np.copyto(state[group][key], values)


def beginning(problem: Problem, groups: Groups) -> State:
    """The state before the first update, which takes next to no memory: its weights are the
    problem's own arrays, and a slot that holds one number all over is that number."""
    return {
        group: {key: _light(values, problem.weights.get(key)) for key, values in arrays.items()}
        for group, arrays in groups.items()
    }


def _light(values: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    if weight is not None and weight.dtype == values.dtype and np.array_equal(weight, values):
        return weight
    if values.size and bool((values == values.flat[0]).all()):
        return np.broadcast_to(values.flat[0], values.shape)
    return np.array(values)
