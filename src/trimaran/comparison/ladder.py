"""The parity ladder: rung by rung, is it the same network?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from trimaran.comparison.answers import answers
from trimaran.comparison.controls import CONTROLS, Controls, Ran
from trimaran.comparison.deviation import largest
from trimaran.comparison.free import run_freely
from trimaran.comparison.problem import Problem
from trimaran.comparison.rung import Rung
from trimaran.comparison.side import Side
from trimaran.comparison.turns import at_once, in_turns, one_by_one
from trimaran.comparison.updates import First, opened, updates
from trimaran.comparison.way import Way, copied
from trimaran.training.engine import Engine


def climb(problem: Problem, sides: Sequence[Side], count: int = CONTROLS) -> Iterator[Rung]:
    """Every rung for the first side beside each other one, in order.

    A pair's ladder ends at its first broken rung, since what stands above it must break too; the
    other pairs go on.
    """
    truth, *others = sides
    problem = replace(problem, idle=idle(problem, truth))
    with ExitStack() as stack:
        engine = stack.enter_context(opened(problem, truth)) if truth.engine else None
        compared = _first(problem, truth, engine, count) if engine else None
        pairs = [_unbroken(_pair(problem, truth, other, compared)) for other in others]
        kept = compared is None or compared.way.fits
        yield from in_turns(pairs) if kept else one_by_one(pairs)


def _unbroken(pair: Iterator[Rung | None]) -> Iterator[Rung | None]:
    """The pair's rungs up to its first broken one."""
    for rung in pair:
        yield rung
        if rung is not None and not rung.ok:
            return


def _pair(problem: Problem, truth: Side, other: Side, first: First | None) -> Iterator[Rung | None]:
    forward = 0.0
    for rung in answers(problem, truth, other):
        forward = rung.deviation if rung.name == "forward" else forward
        yield rung
    if first is not None and other.engine is not None:
        yield from updates(problem, first, other, forward)


def _first(problem: Problem, side: Side, engine: Engine, count: int) -> First:
    """The first side's engine with its own free run, on which controls are run if need be."""
    start = copied(engine.state())
    way = Way(problem, side, engine, start)

    def run(rng: np.random.Generator) -> Ran:
        engine.restore(start, 0)
        return at_once(run_freely(problem, side, engine, rng))

    controls = Controls(way.ran, run, problem.training.seed, count)
    return First(way, controls)


# Far above the rounding of float64, far below any gradient that teaches.
_NOISE = 1e-12


def idle(problem: Problem, side: Side) -> frozenset[str]:
    """The weights whose gradient is nothing but rounding, measured in float64."""
    double = problem.doubled()
    inputs, targets = double.batch()
    network = side.build(double.model, double.weights, "float64")
    found = network.gradients(inputs, targets, problem.objectives.train.losses).parameters
    scale = largest(found)
    return frozenset(k for k, g in found.items() if largest({k: g}) <= _NOISE * scale)
