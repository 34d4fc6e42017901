"""How stably recurrent networks train: what a training run is judged by, and runs together.

A run *solves* its task where the figure on rows held out passes the task's bound within the budget
of updates. It *diverges* where its loss ceases to be a finite number, or the loss on the rows held
out is at the end more than a tenth above what it was before the first update: a network that has
learned nothing wanders by less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trimaran.backends.protocol import Network
from trimaran.comparison.student import mean
from trimaran.data.batches import INPUT, OUTPUT, Rows
from trimaran.tasks import Objective

MAIN, EQUAL, RATES = "main", "equal", "rates"
"""What a run is for: the tasks, equal numbers of parameters, the learning rates."""
MARGIN = 1.1
"""The loss at the end over the one at the start, above which a run has diverged."""


@dataclass(frozen=True)
class Case:
    """One training run to be made."""

    part: str
    cell: str
    task: str
    length: int
    units: int
    rate: float
    seed: int


@dataclass(frozen=True)
class Trial:
    """What became of it.

    updates: made, fewer than the budget where it solved its task
    figure:  on the rows held out, at the last look;  before, after: the loss there
    """

    case: Case
    updates: int
    solved: bool
    figure: float
    before: float
    after: float

    @property
    def diverged(self) -> bool:
        """Whether it ends worse than it began, or as no number at all."""
        return not (math.isfinite(self.after) and self.after <= MARGIN * self.before)

    def to_json(self) -> dict[str, Any]:
        """Its numbers; one that is not finite is None, which JSON can say."""
        own = {name: getattr(self, name) for name in ("figure", "before", "after")}
        known = {name: value if math.isfinite(value) else None for name, value in own.items()}
        ended = {"updates": self.updates, "solved": self.solved, "diverged": self.diverged}
        return {**asdict(self.case), **known, **ended}


def through_time(network: Network, rows: Rows, objective: Objective) -> tuple[float, ...]:
    """|∂L/∂x_t| for each step t of the rows, all of them together.

    The gradient is taken by what goes *in* at a step, since that reaches the loss through every
    state that a cell has; the hidden state of an LSTM is only one of its two.
    """
    given = {INPUT: rows.floats(INPUT).astype(np.float64)}
    found = network.gradients(given, {OUTPUT: rows.targets[OUTPUT]}, objective.losses)
    squares = np.square(np.asarray(found.inputs[INPUT], np.float64)).sum(axis=(0, 2))
    return tuple(np.sqrt(squares).tolist())


def geometric(values: Sequence[float]) -> dict[str, float]:
    """The geometric mean with its interval: Student's t on the logarithms. What is below the least
    number of float64 counts as that."""
    found = mean([math.log10(max(value, 1e-308)) for value in values])
    return {name: _power(getattr(found, name)) for name in ("mean", "low", "high")}


def _power(exponent: float) -> float:
    return float(10.0 ** min(max(exponent, -308.0), 308.0))


def curve(norms: Sequence[Sequence[float]]) -> list[dict[str, float]]:
    """Per step, over the runs."""
    columns = enumerate(zip(*norms, strict=True), 1)
    return [{"step": step, **geometric(values)} for step, values in columns]


def sign_test(a: Sequence[bool], b: Sequence[bool]) -> dict[str, Any]:
    """Pairs of which only one is true, and how probable so uneven a split is by chance, two-sided
    (the exact test of McNemar 1947)."""
    pairs = list(zip(a, b, strict=True))
    first, second = (sum(x and not y for x, y in p) for p in (pairs, [(y, x) for x, y in pairs]))
    apart, fewer = first + second, min(first, second)
    chance = 2 * sum(math.comb(apart, k) for k in range(fewer + 1)) / 2**apart
    return {"first": first, "second": second, "p": min(1.0, chance)}


def of(trials: Sequence[Trial], wanted: Mapping[str, Any]) -> list[Trial]:
    """The trials whose case has all these values."""
    return [
        trial
        for trial in trials
        if all(getattr(trial.case, name) == value for name, value in wanted.items())
    ]
