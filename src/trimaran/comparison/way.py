"""The first side's own way through the updates: walked once, where the memory holds its states."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from trimaran.comparison.controls import Ran, Weights
from trimaran.comparison.free import looks, update_of
from trimaran.comparison.problem import Problem
from trimaran.comparison.side import Side
from trimaran.training.engine import Engine, Groups
from trimaran.training.tally import Tally

State = dict[str, dict[str, np.ndarray]]
# Bytes of all states up to which they are kept for the next pair.
ROOM = 1_500_000_000


@dataclass
class Way:
    """States before and after each update, and the free run that they are.

    kept: by the number of updates made; all of them where they fit, else the last one
    """

    problem: Problem
    side: Side
    engine: Engine
    start: State
    kept: dict[int, State] = field(default_factory=dict)
    weights: list[Weights] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    tally: Tally = field(init=False)

    def begin(self) -> None:
        """Stand at the start, unless the states on the way are kept."""
        if self.kept and self.fits:
            return
        self.kept, self.weights, self.losses = {0: self.start}, [], []
        self.tally = Tally(self.problem.objectives.train)
        self.engine.restore(self.start, 0)
        self.engine.begin(0, self.problem.order, 0)
        self.engine.drain()

    def state(self, step: int) -> State:
        """The state after so many updates; one that is not known is the next to be made."""
        if step not in self.kept:
            self.engine.update([update_of(self.problem, self.side, step)])
            self.losses += [loss for _, loss in self.tally.add(self.engine.drain())]
            found = copied(self.engine.state())
            if step in looks(self.problem.steps):
                self.weights.append(self.problem.judged(found["model"]))
            self.kept = {**self.kept, step: found} if self.fits else {step: found}
        return self.kept[step]

    def back(self) -> None:
        """Put the engine, which was used for something else, where the way has got to."""
        last = max(self.kept)
        self.engine.drain()
        self.engine.restore(self.kept[last], last)
        self.engine.begin(0, self.problem.order, last)

    def ran(self) -> Ran:
        """The weights at the looks and all losses, after a walk to the end."""
        return self.weights, self.losses

    @property
    def fits(self) -> bool:
        """Whether all states are kept."""
        size = sum(a.nbytes for arrays in self.start.values() for a in arrays.values())
        return size * (self.problem.steps + 1) <= ROOM


def copied(groups: Groups) -> State:
    """The groups with arrays of their own."""
    return {g: {key: np.array(a) for key, a in arrays.items()} for g, arrays in groups.items()}
