"""The parity ladder: rung by rung, is it the same network?

Memory decides how large a network may be, so no more is held than is being compared: one pair's
answers at a time, then one state for all pairs, which make each update together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from trimaran.comparison.answers import answers
from trimaran.comparison.controls import CONTROLS
from trimaran.comparison.deviation import largest
from trimaran.comparison.problem import Problem
from trimaran.comparison.rung import Rung
from trimaran.comparison.side import Side
from trimaran.comparison.updates import Rival, updates

Found = tuple[int, Rung]
"""A rung and the place of its pair."""
Told = dict[str, tuple[Rung, ...]]
"""The rungs below training by the other side's name."""


def climb(
    problem: Problem, sides: Sequence[Side], count: int = CONTROLS, told: Told | None = None
) -> Iterator[Rung]:
    """Every rung for the first side beside each other one, in order.

    A pair's ladder ends at its first broken rung, since what stands above it must break too; the
    other pairs go on. Rungs below training that stand in `told` are not climbed again, and those
    that are climbed are noted there: an optimizer changes none of them.
    """
    truth, *others = sides
    problem = replace(problem, idle=idle(problem, truth))
    return in_order(_reached(problem, truth, others, count, {} if told is None else told))


def _reached(
    problem: Problem, truth: Side, others: Sequence[Side], count: int, told: Told
) -> Iterator[Found]:
    """The rungs as they are reached."""
    rivals = []
    for place, other in enumerate(others):
        forward, ok = 0.0, True
        for rung in _noted(problem, truth, other, told):
            yield place, rung
            forward = rung.deviation if rung.name == "forward" else forward
            ok = rung.ok
        if ok and other.engine is not None:
            rivals.append(Rival(place, other, forward))
    if truth.engine is not None and rivals:
        yield from updates(problem, truth, rivals, count)


def _noted(problem: Problem, truth: Side, other: Side, told: Told) -> Iterator[Rung]:
    """The rungs below training as they are reached, or as they were."""
    if other.name in told:
        yield from told[other.name]
        return
    found = []
    for rung in answers(problem, truth, other):
        found.append(rung)
        yield rung
        if not rung.ok:
            break
    told[other.name] = tuple(found)


def in_order(found: Iterator[Found]) -> Iterator[Rung]:
    """The rungs of the first pair as they come, then those of the next."""
    waiting: dict[int, list[Rung]] = defaultdict(list)
    for place, rung in found:
        if place == 0:
            yield rung
        else:
            waiting[place].append(rung)
    for place in sorted(waiting):
        yield from waiting[place]


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
