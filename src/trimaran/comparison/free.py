"""The free run: each side goes its own way, and is judged by a bound or by controls."""

from __future__ import annotations

import numpy as np

from trimaran.comparison.controls import Controls, Ran, moved
from trimaran.comparison.problem import Problem
from trimaran.comparison.rung import TOLERANCES, Rung
from trimaran.comparison.side import Side
from trimaran.comparison.turns import Turns
from trimaran.spec import Model
from trimaran.training.engine import Engine, Update
from trimaran.training.moments import Adam
from trimaran.training.schedules import Horizon, factor
from trimaran.training.tally import Tally

SHALLOW = 4
"""Layers with a matrix up to which rounding does not grow under Adam (docs/parity.md has the
measurements): the MNIST CNN has four, a three-layer perceptron three."""
PROMISED = 100
"""Updates over which it was measured."""


def update_of(problem: Problem, side: Side, step: int) -> Update:
    """Update number `step` (from 1), with the schedule's rate and the step's masks."""
    training = problem.training
    horizon = Horizon(problem.steps, problem.steps)
    rate = training.optimizer.learning_rate * factor(training.schedule, step - 1, horizon)
    masks = side.masks(problem.model, problem.masks(step))
    return Update(step, step - 1, 1, rate, (step,), masks)


def run_freely(
    problem: Problem, side: Side, engine: Engine, rng: np.random.Generator | None = None
) -> Turns[Ran]:
    """The weights after some of the updates (see `looks`), and all losses, on the engine's own
    way; it pauses before each look. With `rng` it is a control: all weights are moved by one ulp
    before each update."""
    engine.begin(0, problem.order, 0)
    engine.drain()
    weights: list[dict[str, np.ndarray]] = []
    losses: list[float] = []
    looked = frozenset(looks(problem.steps))
    tally = Tally(problem.objectives.train)
    for step in range(1, problem.steps + 1):
        if rng is not None:
            _shake(problem, engine, rng, step - 1)
        engine.update([update_of(problem, side, step)])
        if step in looked:
            yield
            found = problem.judged(engine.weights())
            weights.append({k: v.copy() for k, v in found.items()})
            losses += [loss for _, loss in tally.add(engine.drain())]
    return weights, losses


def _shake(problem: Problem, engine: Engine, rng: np.random.Generator, step: int) -> None:
    state = engine.state()
    engine.restore({**state, "model": moved(state["model"], rng)}, step)
    engine.begin(0, problem.order, step)


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


def free(problem: Problem, pair: tuple[str, str], ran: Ran, controls: Controls) -> Turns[Rung]:
    """The rung: how far the second side's run departs from the first one's; it pauses after each
    control."""
    weights, losses = ran
    curve = controls.apart(weights)
    bound, worst = TOLERANCES[problem.precision], max(curve)
    if held(problem):
        note = (
            f"In float64 rounding does not grow under Adam where at most {SHALLOW} layers have a "
            f"matrix and {PROMISED} updates are made: this bound stands, and no control counts."
        )
    elif worst <= bound:
        note = "It stays within the fixed tolerance, so no control was needed."
    else:
        yield from controls.ready(worst)
        bound, note = max(bound, controls.largest), controls.sentence()
    both = (tuple(controls.truth[1]), tuple(losses))
    return Rung(
        "free run", pair, problem.precision, bound, worst, worst <= bound, "", note, tuple(curve),
        both, tuple(looks(problem.steps)),
    )  # fmt: skip
