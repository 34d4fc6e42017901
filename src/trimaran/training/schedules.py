"""Learning-rate schedules: the rate of update number `step` (from 0) as a pure function.

Every schedule may begin with a linear warm-up: `warm_up` is a fraction of the run when below 1,
else a number of updates; the schedule proper then spans what remains. The plateau is the one
that looks at results: its small state is a value too, moved on once an epoch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from trimaran.training.naming import name_of, named, require


@dataclass(frozen=True)
class Horizon:
    """How long the run is meant to be: updates in all, and in one epoch."""

    steps: int
    per_epoch: int


@dataclass(frozen=True)
class Constant:
    """The optimizer's own rate, always."""

    warm_up: float = 0.0

    def factor(self, step: int, horizon: Horizon) -> float:
        return 1.0


@dataclass(frozen=True)
class StepDecay:
    """Multiplies the rate by `gamma` once every `epochs` epochs."""

    epochs: float = 10
    gamma: float = 0.1
    warm_up: float = 0.0

    def __post_init__(self) -> None:
        require(self.epochs > 0, "schedule.epochs", self.epochs, "above 0")
        require(self.gamma > 0, "schedule.gamma", self.gamma, "above 0")

    def factor(self, step: int, horizon: Horizon) -> float:
        return self.gamma ** (step // max(1, round(self.epochs * horizon.per_epoch)))


@dataclass(frozen=True)
class ExponentialDecay:
    """Multiplies the rate by `gamma` per epoch, smoothly from update to update."""

    gamma: float = 0.9
    warm_up: float = 0.0

    def __post_init__(self) -> None:
        require(self.gamma > 0, "schedule.gamma", self.gamma, "above 0")

    def factor(self, step: int, horizon: Horizon) -> float:
        return float(self.gamma ** (step / horizon.per_epoch))


@dataclass(frozen=True)
class CosineDecay:
    """Half a cosine from the full rate down to `final` times it at the end of the run.

    I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
    """

    final: float = 0.0
    warm_up: float = 0.0

    def factor(self, step: int, horizon: Horizon) -> float:
        return _cosine(1.0, self.final, step / horizon.steps)


@dataclass(frozen=True)
class OneCycle:
    """Up to the full rate by a cosine, then down to almost nothing; the last update is lowest.

    The rate starts at rate / `divide` and ends at rate / (`divide` * `final_divide`). L. Smith,
    N. Topin, "Super-convergence: very fast training of neural networks using large learning
    rates", 2018; arguments and phases as in torch's OneCycleLR.
    """

    rise: float = 0.3
    divide: float = 25.0
    final_divide: float = 1e4
    warm_up: float = 0.0

    def __post_init__(self) -> None:
        require(0 < self.rise < 1, "schedule.rise", self.rise, "between 0 and 1")
        require(self.divide > 0, "schedule.divide", self.divide, "above 0")
        require(self.final_divide > 0, "schedule.final_divide", self.final_divide, "above 0")

    def factor(self, step: int, horizon: Horizon) -> float:
        start, last = 1 / self.divide, horizon.steps - 1
        top = self.rise * horizon.steps - 1
        if step <= top:
            return _cosine(start, 1.0, step / top if top else 1.0)
        return _cosine(1.0, start / self.final_divide, (step - top) / max(last - top, 1e-9))


@dataclass(frozen=True)
class ReduceOnPlateau:
    """Multiplies the rate by `gamma` when `monitor` has not improved for `patience` epochs.

    Arguments and counting as in Keras's ReduceLROnPlateau. An improvement is one by more than
    `min_delta`.
    """

    monitor: str = "val_loss"
    gamma: float = 0.1
    patience: int = 10
    min_delta: float = 1e-4
    cooldown: int = 0
    minimum: float = 0.0
    warm_up: float = 0.0

    def __post_init__(self) -> None:
        require(0 < self.gamma < 1, "schedule.gamma", self.gamma, "between 0 and 1")
        require(self.patience >= 0, "schedule.patience", self.patience, "at least 0")

    def factor(self, step: int, horizon: Horizon) -> float:
        return 1.0


Schedule = Constant | StepDecay | ExponentialDecay | CosineDecay | OneCycle | ReduceOnPlateau

SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "step": StepDecay,
    "exponential": ExponentialDecay,
    "cosine": CosineDecay,
    "one-cycle": OneCycle,
    "plateau": ReduceOnPlateau,
}


def schedule(value: Schedule | str | Mapping[str, Any]) -> Schedule:
    """The schedule of a name, or of {"name": "cosine", "warm_up": 0.1}; else `RecipeError`."""
    chosen = named(SCHEDULES, value, "schedule")
    require(chosen.warm_up >= 0, "schedule.warm_up", chosen.warm_up, "at least 0")
    return chosen


def schedule_json(value: Schedule) -> dict[str, Any]:
    """Every argument written out, in the form that `schedule` reads."""
    return {"name": name_of(SCHEDULES, value), **asdict(value)}


def factor(given: Schedule, step: int, horizon: Horizon) -> float:
    """What update `step` multiplies the optimizer's learning rate by (a plateau's cut aside)."""
    warm = given.warm_up * horizon.steps if given.warm_up < 1 else given.warm_up
    # A warm-up as long as the run would leave no step at the full rate.
    warm = min(round(warm), horizon.steps - 1)
    if step < warm:
        return (step + 1) / (warm + 1)
    if not warm:
        return given.factor(step, horizon)
    return given.factor(step - warm, replace(horizon, steps=horizon.steps - warm))


def _cosine(start: float, end: float, part: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(max(part, 0.0), 1.0))) / 2


@dataclass(frozen=True)
class Plateau:
    """What the plateau remembers: the cut so far, the best value, epochs waited and to rest."""

    cut: float = 1.0
    best: float | None = None
    waited: int = 0
    rest: int = 0


def plateau(given: ReduceOnPlateau, state: Plateau, value: float, rate: float) -> Plateau:
    """The state after an epoch whose monitored value (oriented so that less is better) is `value`.

    `rate` is the optimizer's uncut learning rate, which `minimum` bounds from below.
    """
    rest = max(state.rest - 1, 0)
    if state.best is None or value < state.best - given.min_delta:
        return replace(state, best=value, waited=0, rest=rest)
    if rest:
        return replace(state, waited=0, rest=rest)
    if state.waited + 1 < max(given.patience, 1):
        return replace(state, waited=state.waited + 1, rest=0)
    floor = given.minimum / rate if rate else 0.0
    cut = max(state.cut * given.gamma, min(floor, state.cut))
    return Plateau(cut, state.best, 0, given.cooldown)
