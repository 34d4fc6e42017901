"""The free run: each side goes its own way, and is judged by a bound or by controls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trimaran.comparison.controls import CONTROLS, Controls, Weights, departure, moved
from trimaran.comparison.problem import Problem
from trimaran.comparison.rung import TOLERANCES, Rung
from trimaran.comparison.runner import Runner
from trimaran.spec import Model
from trimaran.training.engine import Groups
from trimaran.training.moments import Adam
from trimaran.training.tally import Tally

SHALLOW = 4
"""Layers with a matrix up to which rounding does not grow under Adam (docs/parity.md has the
measurements): the MNIST CNN has four, a three-layer perceptron three."""
PROMISED = 100
"""Updates over which it was measured."""


@dataclass(frozen=True)
class Ran:
    """A free run beside the first side's: how far apart they are at each look, and all losses of
    both, the first one's first."""

    curve: tuple[float, ...]
    losses: tuple[tuple[float, ...], tuple[float, ...]]


def run_freely(first: Runner, others: Sequence[Runner], start: Groups) -> list[Ran]:
    """The run of each other side on its own way, beside the first one's. All go at once, and what
    they have reached is compared at each look (see `looks`) and not kept."""
    problem, runners = first.problem, (first, *others)
    for runner in runners:
        runner.begin(start)
    curves: list[list[float]] = [[] for _ in others]
    losses: list[list[float]] = [[] for _ in runners]
    tallies = [Tally(problem.objectives.train) for _ in runners]
    looked = frozenset(looks(problem.steps))
    for step in range(1, problem.steps + 1):
        for runner in (*others, first):  # which computes while they do
            runner.update(step)
        if step not in looked:
            continue
        for other, curve in zip(others, curves, strict=True):
            curve.append(_departed(other, problem.judged(first.engine.weights())))
        for runner, tally, told in zip(runners, tallies, losses, strict=True):
            told += [loss for _, loss in tally.add(runner.engine.drain())]
    truth, *own = map(tuple, losses)
    return [Ran(tuple(curve), (truth, run)) for curve, run in zip(curves, own, strict=True)]


def controls_of(first: Runner, start: Groups, count: int = CONTROLS) -> Controls:
    """The controls of the first side's free run. Only its weights at the looks are kept, and those
    only where controls run."""

    def own() -> list[Weights]:
        return [
            {key: values.copy() for key, values in weights.items()}
            for weights in _walked(first, start)
        ]

    def run(rng: np.random.Generator, truth: Sequence[Weights]) -> tuple[float, ...]:
        found = zip(_walked(first, start, rng), truth, strict=True)
        return tuple(departure(weights, own) for weights, own in found)

    return Controls(own, run, first.problem.training.seed, count)


def _walked(
    first: Runner, start: Groups, rng: np.random.Generator | None = None
) -> Iterator[Weights]:
    """What is judged of the first side's weights at each look, as it lies in the engine. With
    `rng` it is a control: all weights are moved by one ulp before each update."""
    problem = first.problem
    looked = frozenset(looks(problem.steps))
    first.begin(start)
    for step in range(1, problem.steps + 1):
        if rng is not None:
            state = first.engine.state()
            first.stand({**state, "model": moved(state["model"], rng)}, step - 1)
        first.update(step)
        first.engine.drain()
        if step in looked:
            yield problem.judged(first.engine.weights())


def _departed(other: Runner, truth: Weights) -> float:
    return departure(other.problem.judged(other.engine.weights()), truth)


def looks(steps: int) -> list[int]:
    """The updates after which a free run is compared: the first ten, then 25 more at most."""
    later = np.linspace(min(10, steps), steps, 26).round().astype(int).tolist()
    return sorted({*range(1, min(10, steps) + 1), *later})


def held(problem: Problem) -> bool:
    """Whether the run must hold the fixed tolerance, whatever controls do."""
    chosen = problem.training.optimizer
    calm = isinstance(chosen, Adam) and chosen.learning_rate <= Adam.learning_rate
    shallow = depth(problem.model) <= SHALLOW
    return calm and shallow and problem.precision == "float64" and problem.steps <= PROMISED


def depth(model: Model) -> int:
    """How many layers have a matrix or a kernel."""
    return len({k.rpartition(".")[0] for k, p in model.parameters.items() if len(p.shape) > 1})


def free(problem: Problem, pair: tuple[str, str], ran: Ran, controls: Controls) -> Rung:
    """The rung: how far the second side's run departs from the first one's."""
    bound, worst = TOLERANCES[problem.precision], max(ran.curve)
    if held(problem):
        note = (
            f"In float64 rounding does not grow under Adam where at most {SHALLOW} layers have a "
            f"matrix and at most {PROMISED} updates are made: this bound stands, and no control "
            "counts."
        )
    elif worst <= bound:
        note = "It stays within the fixed tolerance, so no control was needed."
    else:
        controls.ready(worst)
        bound, note = max(bound, controls.largest), controls.sentence()
    return Rung(
        "free run", pair, problem.precision, bound, worst, worst <= bound, "", note, ran.curve,
        ran.losses, tuple(looks(problem.steps)),
    )  # fmt: skip
