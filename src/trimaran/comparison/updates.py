"""The rungs that train: one update, updates from shared states, the free run, evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from trimaran.comparison.controls import Controls, moved
from trimaran.comparison.deviation import Deviation, by_layer, by_norm
from trimaran.comparison.free import free, run_freely, update_of
from trimaran.comparison.problem import Problem
from trimaran.comparison.rung import TOLERANCES, Rung
from trimaran.comparison.side import Side
from trimaran.comparison.turns import Turns
from trimaran.comparison.way import State, Way
from trimaran.training.engine import Engine, Groups
from trimaran.training.tally import metrics


@dataclass(frozen=True)
class First:
    """The side that the others are held against: its way, and the controls of its free run."""

    way: Way
    controls: Controls

    @property
    def side(self) -> Side:
        """What it is."""
        return self.way.side

    @property
    def engine(self) -> Engine:
        """What trains it."""
        return self.way.engine


def updates(problem: Problem, first: First, other: Side, forward: float) -> Iterator[Rung | None]:
    """One update, N from shared states, the free run, and the score of what came out, with pauses;
    `forward` is how far the forward passes are apart."""
    pair, tolerance = (first.side.name, other.name), TOLERANCES[problem.precision]
    with opened(problem, other) as engine:
        shared, flips, final = yield from _shared(problem, first, (other, engine), forward)
        one = shared[0]
        yield _rung("one update", pair, problem, one, one.value <= tolerance)
        yield _together(problem, pair, shared, flips)
        engine.restore(first.way.start, 0)
        ran = yield from run_freely(problem, other, engine)
        yield (yield from free(problem, pair, ran, first.controls))
        yield _evaluation(problem, pair, (first.engine, engine), final)


def opened(problem: Problem, side: Side) -> AbstractContextManager[Engine]:
    """The side's engine, to enter."""
    assert side.engine is not None
    return side.engine(
        problem.model, problem.weights, problem.precision, problem.objectives, problem.splits,
        problem.training,
    )  # fmt: skip


def _shared(
    problem: Problem, first: First, second: tuple[Side, Engine], forward: float
) -> Turns[tuple[list[Deviation], int, State]]:
    """Each step from the state that the first side has reached, how many of them were excused as
    rounding, and the last state."""
    other, engine = second
    first.way.begin()
    engine.begin(0, problem.order, 0)
    found: list[Deviation] = []
    flips = 0
    for step in range(1, problem.steps + 1):
        before = first.way.state(step - 1)
        engine.restore(before, step - 1)
        engine.update([update_of(problem, other, step)])
        after = first.way.state(step)
        yield
        apart = states_apart(problem, engine.state(), after)
        bound = TOLERANCES[problem.precision]
        if apart.value > bound and apart.value <= _by_rounding(
            problem, first, (before, after), step, forward
        ):
            flips, apart = flips + 1, Deviation(bound)
        found.append(apart)
    engine.drain()
    return found, flips, first.way.state(problem.steps)


# Copies that a step is repeated with before it is called wrong.
_REPEATS = 12


def _by_rounding(
    problem: Problem, first: First, states: tuple[State, State], step: int, forward: float
) -> float:
    """Twice as far as the first backend departs from itself in this step, when its weights move by
    as much as the forward passes are apart.

    An entry within rounding of a ReLU's or a pooling's kink may fall on either side of it, and then
    takes its whole gradient with it; and Lion makes a whole step of the sign of a gradient that is
    nothing but rounding. In float64 the first is rare and the second is not.
    """
    before, after = states
    rng = np.random.default_rng((problem.training.seed, step))
    largest = 0.0
    for _ in range(_REPEATS):
        copy = moved(before["model"], rng, forward)
        first.engine.restore({**before, "model": copy}, step - 1)
        first.engine.begin(0, problem.order, step - 1)
        first.engine.update([update_of(problem, first.side, step)])
        largest = max(largest, states_apart(problem, first.engine.state(), after).value)
    first.way.back()
    return 2 * largest


def states_apart(problem: Problem, found: Groups, truth: Groups) -> Deviation:
    """Weights, statistics, slots and averages, each relative to its kind; the worst of them."""
    tolerance = TOLERANCES[problem.precision]
    order = list(dict.fromkeys(leaf.path for leaf in problem.model.leaves))
    worst = Deviation(0.0)
    for group, arrays in truth.items():
        for kind in sorted({_kind(key) for key in arrays}):
            own = {
                key: values
                for key, values in arrays.items()
                if _kind(key) == kind and key.rpartition("/")[2] not in problem.idle
            }
            apart = by_norm(found[group], own, order, tolerance)
            worst = apart if apart.value > worst.value else worst
    return worst


def _kind(key: str) -> str:
    """The slot of an optimizer's array; statistics of normalizations apart from weights."""
    last = key.rpartition(".")[2]
    special = last if last.startswith(("running", "num_")) else ""
    return f"{key.partition('/')[0] if '/' in key else ''} {special}"


def _together(problem: Problem, pair: tuple[str, str], shared: list[Deviation], flips: int) -> Rung:
    worst = max(shared, key=lambda found: found.value)
    ok = worst.value <= TOLERANCES[problem.precision]
    blamed = next((f.first_layer for f in shared if f.first_layer), "")
    curve = tuple(found.value for found in shared)
    note = ""
    if flips:
        note = (
            f"{flips} of {len(shared)} steps met a tie within rounding: the first backend departs "
            "as far from itself when its weights move by as little as the forward passes differ."
        )
    found = Deviation(worst.value, blamed)
    return _rung("updates from shared states", pair, problem, found, ok, note, curve)


def _evaluation(
    problem: Problem, pair: tuple[str, str], engines: tuple[Engine, Engine], final: Groups
) -> Rung:
    """Loss and metrics of both with the weights that the first one reached."""
    scores: list[Mapping[str, float]] = []
    for engine in engines:
        engine.restore(final, problem.steps)
        scores.append(metrics(problem.objectives.judge, engine.score(64)))
    a, b = ({k: np.array([v]) for k, v in found.items()} for found in scores)
    tolerance = TOLERANCES[problem.precision]
    found = by_layer(b, a, [], tolerance, together=False)
    return _rung("evaluation", pair, problem, Deviation(found.value), found.value <= tolerance)


def _rung(
    name: str,
    pair: tuple[str, str],
    problem: Problem,
    found: Deviation,
    ok: bool,
    note: str = "",
    curve: tuple[float, ...] = (),
) -> Rung:
    layer = "" if ok else found.first_layer
    bound = TOLERANCES[problem.precision]
    return Rung(name, pair, problem.precision, bound, found.value, ok, layer, note, curve)
