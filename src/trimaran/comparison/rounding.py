"""How far rounding alone takes a float32 network: what a rung beyond the fixed tolerance may reach.

A deep network in training mode departs from itself. ResNet-50 at 32 x 32 in float32 is 5e-5 from
its float64 in the forward pass, since each batch normalization divides by what it has just summed
up; and an entry within rounding of a ReLU's kink takes its whole gradient with it. So where float32
is beyond 1e-5, the first backend is held against itself. In float64 the tolerance stays, and it is
float64 that tells a wrong network from a rounded one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trimaran.backends.protocol import Network
from trimaran.comparison.controls import moved
from trimaran.comparison.deviation import Deviation
from trimaran.comparison.problem import Problem
from trimaran.comparison.side import Side

COPIES = 12
# Two equally good float32 networks are twice as far apart as each is from the truth; another order
# of summation may double that.
ROOM = 4


@dataclass(frozen=True)
class Bound:
    """How far a rung may reach, and why."""

    value: float
    note: str = ""


def exact(problem: Problem, side: Side, compare: Callable[[Network, Problem], Deviation]) -> Bound:
    """`ROOM` times as far as the first backend departs from its own float64.

    compare: how far what that network answers, to its own problem, is from the first backend's
    """
    double = problem.doubled()
    own = compare(side.build(double.model, double.weights, "float64"), double).value
    return Bound(
        ROOM * own,
        "Beyond the fixed tolerance, but float32 takes the first backend itself "
        f"{own:.1e} from its own float64; {ROOM} times as much is allowed.",
    )


def gradients(
    problem: Problem, side: Side, apart: float, compare: Callable[[Network], Deviation]
) -> Bound:
    """Twice as far as the first backend's gradients depart from themselves when its weights move by
    as much as the forward passes are `apart`, in any of `COPIES`."""
    rng, largest = np.random.default_rng(problem.training.seed), 0.0
    for _ in range(COPIES):
        network = side.build(
            problem.model, moved(dict(problem.weights), rng, apart), problem.precision
        )
        largest = max(largest, compare(network).value)
    return Bound(
        2 * largest,
        f"A tie within rounding: of {COPIES} copies of the first backend, with every weight moved "
        f"by as little as the forward passes differ, one departs from it by {largest:.1e}; twice "
        "as much is allowed.",
    )
