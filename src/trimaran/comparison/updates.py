"""The rungs that train: one update, updates from shared states, the free run, evaluation.

All sides make each update together: the first one's state goes to every other, all compute, and
what they reach is compared at once, so that one state is held beside those that are being reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from trimaran.comparison.controls import moved
from trimaran.comparison.deviation import Deviation, by_layer, by_norm
from trimaran.comparison.free import controls_of, free, run_freely
from trimaran.comparison.problem import Problem
from trimaran.comparison.rung import TOLERANCES, Rung
from trimaran.comparison.runner import Runner, State, beginning, copied, overwrite, running
from trimaran.comparison.side import Side
from trimaran.training.engine import Groups
from trimaran.training.tally import metrics


@dataclass(frozen=True)
class Rival:
    """A side to be held against the first one.

    place: of its pair;  forward: how far the forward passes are apart
    """

    place: int
    side: Side
    forward: float


def updates(
    problem: Problem, truth: Side, rivals: Sequence[Rival], count: int
) -> Iterator[tuple[int, Rung]]:
    """The rungs of every pair, with its place, as they are reached."""
    with ExitStack() as stack:
        first = stack.enter_context(running(problem, truth))
        others = [
            Other(rival, stack.enter_context(running(problem, rival.side))) for rival in rivals
        ]
        start = beginning(problem, first.engine.state())
        walk(first, others, start)
        for other in others:
            yield from ((other.place, rung) for rung in _together(first, other))
        left = [other for other in others if other.ok]
        if not left:
            return
        scores = _scored(first, left)
        ran = run_freely(first, [other.runner for other in left], start)
        controls = controls_of(first, start, count)
        for other, score, run in zip(left, scores, ran, strict=True):
            pair = (truth.name, other.runner.side.name)
            rung = free(problem, pair, run, controls)
            yield other.place, rung
            if rung.ok:
                yield other.place, score


class Other:
    """A rival at work, and how far each of its updates departed; `flips` of them were excused as
    rounding."""

    def __init__(self, rival: Rival, runner: Runner) -> None:
        self.place, self.forward, self.runner = rival.place, rival.forward, runner
        self.apart: list[Deviation] = []
        self.flips = 0

    @property
    def ok(self) -> bool:
        """Whether every update holds its tolerance."""
        bound = TOLERANCES[self.runner.problem.precision]
        return all(found.value <= bound for found in self.apart)


def walk(first: Runner, others: Sequence[Other], start: Groups) -> None:
    """All updates, each from the state that the first side has reached; at the end the first
    engine stands there."""
    for runner in (first, *(other.runner for other in others)):
        runner.begin(start)
    before = copied(start)
    for step in range(1, first.problem.steps + 1):
        _step(first, others, before, step)
    for runner in (first, *(other.runner for other in others)):
        runner.engine.drain()


def _step(first: Runner, others: Sequence[Other], before: State, step: int) -> None:
    """One update of all; `before` is afterwards what the first side has reached."""
    for other in others:  # they compute while the first one does
        other.runner.engine.restore(before, step - 1)
        other.runner.update(step)
    first.update(step)
    after, bound = first.engine.state(), TOLERANCES[first.problem.precision]
    for other in others:
        apart = states_apart(first.problem, other.runner.engine.state(), after)
        if apart.value > bound and apart.value <= _by_rounding(first, before, step, other.forward):
            other.flips, apart = other.flips + 1, Deviation(bound)
        other.apart.append(apart)
    overwrite(before, after)


# Copies that a step is repeated with before it is called wrong.
_REPEATS = 12


def _by_rounding(first: Runner, before: State, step: int, forward: float) -> float:
    """Twice as far as the first backend departs from itself in this step, when its weights move by
    as much as the forward passes are apart. The engine stands where it stood, at the end.

    An entry within rounding of a ReLU's or a pooling's kink may fall on either side of it, and then
    takes its whole gradient with it; and Lion makes a whole step of the sign of a gradient that is
    nothing but rounding. In float64 the first is rare and the second is not.
    """
    after = copied(first.engine.state())
    rng = np.random.default_rng((first.problem.training.seed, step))
    largest = 0.0
    for _ in range(_REPEATS):
        first.stand({**before, "model": moved(before["model"], rng, forward)}, step - 1)
        first.update(step)
        largest = max(largest, states_apart(first.problem, first.engine.state(), after).value)
    first.engine.drain()
    first.stand(after, step)
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


def _together(first: Runner, other: Other) -> Iterator[Rung]:
    """One update, and if it holds all of them."""
    problem, pair = first.problem, (first.side.name, other.runner.side.name)
    tolerance, one = TOLERANCES[problem.precision], other.apart[0]
    yield _rung("one update", pair, problem, one, one.value <= tolerance)
    if one.value > tolerance:
        return
    worst = max(other.apart, key=lambda found: found.value)
    blamed = next((f.first_layer for f in other.apart if f.first_layer), "")
    curve = tuple(found.value for found in other.apart)
    note = ""
    if other.flips:
        note = (
            f"{other.flips} of {len(curve)} steps met a tie within rounding: the first backend "
            "departs as far from itself when its weights move by as little as the forward passes "
            "differ."
        )
    found = Deviation(worst.value, blamed)
    yield _rung("updates from shared states", pair, problem, found, other.ok, note, curve)


def _scored(first: Runner, others: Sequence[Other]) -> list[Rung]:
    """Loss and metrics of each pair with the weights that the first one reached."""
    problem = first.problem
    tolerance, judge = TOLERANCES[problem.precision], problem.objectives.judge
    truth = _figures(metrics(judge, first.engine.score(64)))
    rungs = []
    for other in others:
        other.runner.engine.restore(first.engine.state(), problem.steps)
        own = _figures(metrics(judge, other.runner.engine.score(64)))
        found = by_layer(own, truth, [], tolerance, together=False)
        pair = (first.side.name, other.runner.side.name)
        apart = Deviation(found.value)
        rungs.append(_rung("evaluation", pair, problem, apart, found.value <= tolerance))
    return rungs


def _figures(scores: Mapping[str, float]) -> dict[str, np.ndarray]:
    return {name: np.array([value]) for name, value in scores.items()}


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
