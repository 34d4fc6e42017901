"""The sides and the problem of a parity ladder, from the names that a user gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from trimaran import runs, zoo
from trimaran.comparison.ladder import Told, climb
from trimaran.comparison.problem import Problem, invented
from trimaran.comparison.rung import Rung
from trimaran.comparison.side import Side
from trimaran.data.batches import Rows
from trimaran.data.prepare import prepare
from trimaran.errors import RecipeError
from trimaran.spec import Model
from trimaran.steps.description import described, objective
from trimaran.steps.implementation import Implementation, implementation
from trimaran.steps.rooms import ROOMS
from trimaran.tasks.loss import Objective
from trimaran.training.engine import Engine, Objectives
from trimaran.training.execution import Execution
from trimaran.training.optimizers import optimizer_json
from trimaran.training.settings import Training
from trimaran.weights import draw

PRECISIONS = ("float64", "float32")
BACKENDS = ("torch", "tensorflow", "jax")


@dataclass(frozen=True)
class Climb:
    """What to climb with. `original` names the user's own model, where it is the first side."""

    backends: tuple[str, ...] = BACKENDS
    steps: int = 100
    optimizers: tuple[Any, ...] = ("adam",)
    precisions: tuple[str, ...] = PRECISIONS
    batch_size: int = 16
    seed: int = 0
    settings: Mapping[str, Any] | None = None
    original: str = ""

    @property
    def sides(self) -> tuple[str, ...]:
        """The names of all sides, the truth first."""
        return tuple(filter(None, (self.original, *self.backends)))

    def __post_init__(self) -> None:
        for name in self.backends:
            if name not in ROOMS:
                known = ", ".join(ROOMS)
                raise RecipeError(
                    f"There is no backend {name!r} to climb with; known are {known}, beside which "
                    "the NumPy side, 'reference', climbs unasked: in float64, where a row takes "
                    f"less than {_AFFORDABLE / 1e6:.0f} million operations."
                )
        if len(set(self.sides)) < 2:
            raise RecipeError("A ladder needs two backends; give --backends torch,jax for example.")
        for name in self.precisions:
            if name not in PRECISIONS:
                raise RecipeError(f"The precision {name!r} is neither float64 nor float32.")
        if self.steps < 1:
            raise RecipeError(f"steps must be at least 1, but is {self.steps}.")
        for optimizer in self.optimizers:
            self.training(optimizer)

    def training(self, optimizer: Any) -> Training:
        """The settings of a side that trains by that optimizer."""
        settings = {"optimizer": optimizer, "batch_size": self.batch_size, "seed": self.seed}
        return Training.from_json({**settings, **(self.settings or {})})


def side(name: str) -> Side:
    """A backend as a side of the ladder."""
    found = implementation(name)
    return Side(name, found.backend.build, _engine(found), _masks(found))


def reference() -> Side:
    """The float64 NumPy backend, which answers but does not train."""
    backend = import_module("trimaran.backends.reference.build").BACKEND
    return Side("reference", backend.build, None, lambda model, masks: dict(masks))


# What is to be compared adds up in one order.
_THREADS = 1


def _engine(found: Implementation) -> Any:
    @contextmanager
    def made(
        model: Model,
        weights: Mapping[str, np.ndarray],
        precision: str,
        objectives: Objectives,
        splits: Mapping[str, Rows],
        training: Training,
    ) -> Iterator[Engine]:
        module = found.module(model, weights, precision)
        execution = Execution(precision=precision, threads=_THREADS)
        opened: AbstractContextManager[Engine] = found.engine(
            module, objectives, splits, training, execution
        )
        with opened as engine:
            yield engine

    return made


def _masks(found: Implementation) -> Any:
    if found.room != "torch":
        return lambda model, masks: dict(masks)
    return import_module("trimaran.backends.torch.masks").in_own_layout


@dataclass(frozen=True)
class Subject:
    """What climbs: a model, and the weights and rows of its run, if it comes from one."""

    model: Model
    weights: Mapping[str, np.ndarray] | None = None
    rows: tuple[Rows, Objective] | None = None


def subject(name: str, shape: str | None = None, classes: int | None = None) -> Subject:
    """A zoo name (small, unless a shape is given), a run, or a model.json.

    Raises:
        TrimaranError: there is no such thing, or a run's data is gone.
    """
    if name in zoo.ZOO and shape is None and classes is None:
        return Subject(small(name))
    if name in zoo.ZOO or Path(name).is_file():
        return Subject(described(name, shape, classes))
    if not Path(name).exists() and name != "latest":
        return Subject(zoo.build(name))  # refuses, with the nearest name
    found = runs.find(name)
    prepared = prepare(found.recipe.data_settings(), found.recipe.training.seed)
    train = prepared.splits["train"]
    # Whole: what a batch is cut to follows its rows, and the masks of dropouts do not.
    rows = replace(train.take(np.arange(min(len(train), _ROWS))), lengths={})
    return Subject(found.model, found.weights, (rows, objective(found.model, prepared)))


# Of a run's training split: enough that batches differ, few enough to be sent about.
_ROWS = 512


# Of invented rows: few, since each side of each pair is scored on all of them.
_BATCHES = 8


def problems(subject: Subject, given: Climb) -> Iterator[Problem]:
    """One problem for each precision and optimizer."""
    rows, goal = subject.rows or invented(subject.model, _BATCHES * given.batch_size, given.seed)
    start = subject.weights or draw(subject.model, given.seed)
    for precision in given.precisions:
        own = {
            key: values.astype(precision, copy=False) if values.dtype.kind == "f" else values
            for key, values in start.items()
        }
        for optimizer in given.optimizers:
            training = given.training(optimizer)
            yield Problem(subject.model, own, rows, goal, training, precision, given.steps)


def ladder(
    subject: Subject, given: Climb, original: Side | None = None
) -> Iterator[tuple[Problem, Rung]]:
    """Every rung of every problem; `original` is the user's own model, as the first side."""
    # Keras first: its processes start meanwhile.
    made = {
        name: side(name) for name in sorted(given.backends, key=lambda name: ROOMS[name] == "torch")
    }
    sides = [*filter(None, [original]), *(made[name] for name in given.backends)]
    _ahead(given.backends, given.precisions[0])
    told: dict[str, Told] = {precision: {} for precision in given.precisions}
    for problem in problems(subject, given):
        climbed = climb(problem, _with_reference(problem, sides), told=told[problem.precision])
        for number, rung in enumerate(climbed):
            if number == 0:
                _ahead(given.backends, _next(given.precisions, problem.precision))
            yield problem, rung


def _ahead(backends: Sequence[str], precision: str) -> None:
    """Every precision has workers of its own, and those of the next can start already. They have
    the engines' one thread, so that no networks have others start for themselves."""
    for name in backends:
        implementation(name).ahead(precision, _THREADS)


def _next(precisions: Sequence[str], now: str) -> str:
    """The precision that comes next, or the last one."""
    return precisions[min(precisions.index(now) + 1, len(precisions) - 1)]


def optimizer_name(problem: Problem) -> str:
    """As recipes call it."""
    return str(optimizer_json(problem.training.optimizer)["name"])


def summary(subject: Subject, given: Climb, rungs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What `--json` prints."""
    broken = [rung for rung in rungs if not rung["ok"]]
    verdict = f"The same network on {', '.join(given.sides)}: every rung held."
    if broken:
        first = broken[0]
        where = f", first in {first['first_layer']}" if first["first_layer"] else ""
        verdict = (
            f"Not the same network: {first['backends'][1]} departs from {first['backends'][0]} on "
            f"the rung {first['name']!r} in {first['precision']}{where}."
        )
    return {
        "ok": not broken,
        "verdict": verdict,
        "model": subject.model.name,
        "backends": list(given.sides),
        "steps": given.steps,
        "batch_size": given.batch_size,
        "seed": given.seed,
        "rungs": list(rungs),
    }


# Beyond this many operations for a row, plain NumPy is a matter of minutes.
_AFFORDABLE = 5e7


def _with_reference(problem: Problem, sides: Sequence[Side]) -> list[Side]:
    if problem.precision == "float64" and problem.model.flops < _AFFORDABLE:
        return [*sides, reference()]
    return list(sides)


# Below these an architecture's poolings leave nothing.
_LEAST = {"alexnet": (63, 63, 3), "alexnet-2012": (67, 67, 3)}


def small(name: str) -> Model:
    """A zoo entry at a size at which a ladder takes seconds: small images and ten classes, short
    windows of three columns, or short texts of few words."""
    entry = zoo.ZOO[name]
    if entry.horizon is not None:
        return zoo.build(name, (24, 3), 3, horizon=6)
    if entry.tokens is not None:
        return zoo.build(name, (12,), tokens=1000)
    if max(entry.input_shape) <= 32 or len(entry.input_shape) == 1:
        return zoo.build(name)
    return zoo.build(name, _LEAST.get(name, (32, 32, 3)), 10)
