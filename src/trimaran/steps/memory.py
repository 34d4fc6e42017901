"""Small recurrent networks trained on memory tasks by the product's own loop, and timed by it."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from trimaran.comparison.cells import CELLS, TASKS, network
from trimaran.comparison.stability import Case, Trial
from trimaran.comparison.student import spread
from trimaran.data.batches import Rows
from trimaran.data.memory import memory_rows
from trimaran.errors import RecipeError, TrainingError
from trimaran.spec import Model
from trimaran.steps.implementation import implementation
from trimaran.tasks import Objective
from trimaran.training.engine import Objectives
from trimaran.training.events import Epoch, Stopped
from trimaran.training.execution import Execution
from trimaran.training.optimizers import Adam
from trimaran.training.settings import Training
from trimaran.training.tally import metrics
from trimaran.weights import draw

BACKEND = "torch"
LOOK = 100
"""Updates between two looks at the rows held out, where the budget has as many."""
Weights = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Choice:
    """What is trained, and for how long.

    only:    memory tasks;  seeds: runs of each network;  seed: the first of them
    units:   of every network;  updates: the budget of a run, rounded up to whole looks
    rate:    Adam's learning rate on the tasks;  rates: those whose divergence is counted
    held:    rows held out;  repeats: of each time
    """

    only: tuple[str, ...] = tuple(TASKS)
    seeds: int = 5
    seed: int = 0
    units: int = 24
    updates: int = 600
    batch_size: int = 32
    rate: float = 1e-2
    rates: tuple[float, ...] = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
    held: int = 500
    repeats: int = 5

    def __post_init__(self) -> None:
        for name, least, why in (
            ("seeds", 2, "an interval needs several runs"),
            ("seed", 0, "it keys the random streams"),
            ("units", 1, "a network has some"),
            ("updates", 1, "something must be learned"),
        ):
            if getattr(self, name) < least:
                raise RecipeError(
                    f"{name} is {getattr(self, name)}; it must be at least {least}, because {why}."
                )
        unknown = [name for name in self.only if name not in TASKS]
        if unknown or not self.only:
            named = f"{unknown[0]!r} is no memory task" if unknown else "no memory task is named"
            raise RecipeError(f"{named}; there is {', '.join(TASKS)}.")

    @property
    def look(self) -> int:
        """Updates between two looks at the rows held out."""
        return min(LOOK, self.updates)

    @property
    def looks(self) -> int:
        """How often they are asked, within the budget."""
        return math.ceil(self.updates / self.look)

    @property
    def middle(self) -> tuple[str, int]:
        """The first task and its middle length, where learning rates and sizes are compared."""
        lengths = TASKS[self.only[0]].lengths
        return self.only[0], lengths[len(lengths) // 2]

    def training(self, seed: int, rate: float, epochs: int) -> Training:
        """The settings of a run, of which an epoch ends with a look."""
        return Training(
            epochs=epochs, batch_size=self.batch_size, optimizer=Adam(learning_rate=rate), seed=seed
        )

    def splits(self, task: str, length: int, seed: int) -> dict[str, Rows]:
        """The rows of a run: those that train come again after each look."""
        count = self.batch_size * self.look
        train = memory_rows(task, count, length, seed, 0)
        return {"train": train, "validation": memory_rows(task, self.held, length, seed, 1)}


def train(case: Case, choice: Choice) -> tuple[Trial, Weights]:
    """Make a run, until it solves its task or its budget is spent; its weights at the end.

    Raises:
        KeyboardInterrupt: the user asked to stop, and the loop has.
    """
    task, backend = TASKS[case.task], implementation(BACKEND)
    model = network(case.cell, case.task, case.length, case.units)
    module = backend.module(model, draw(model, case.seed))
    splits = choice.splits(case.task, case.length, case.seed)
    training = choice.training(case.seed, case.rate, choice.looks)
    before = _held_loss(module, task.objective, splits, training)
    last, updates = {"loss": math.nan, task.figure: math.nan}, 0
    try:
        with closing(_epochs(module, task.objective, splits, training)) as epochs:
            for epoch in epochs:
                last = {name: epoch.metrics[f"val_{name}"] for name in last}
                updates = epoch.step
                if task.solved(last[task.figure]):
                    break
    except TrainingError:  # a loss that is no finite number: these settings know no other
        last = dict.fromkeys(last, math.nan)
    solved = task.solved(last[task.figure])
    trial = Trial(case, updates, solved, last[task.figure], before, last["loss"])
    return trial, backend.arrays(module)


def _epochs(
    module: object, objective: Objective, splits: Mapping[str, Rows], training: Training
) -> Generator[Epoch, None, None]:
    """The epochs of a run; KeyboardInterrupt where the loop was asked to stop."""
    events = implementation(BACKEND).fit(module, objective, splits, training, Execution(), None)
    with closing(events):
        for event in events:
            if isinstance(event, Stopped) and event.reason == "interrupted":
                raise KeyboardInterrupt
            if isinstance(event, Epoch):
                yield event


def _held_loss(
    module: object, objective: Objective, splits: Mapping[str, Rows], training: Training
) -> float:
    """The loss on the rows held out, with the weights of now."""
    backend, both = implementation(BACKEND), Objectives(objective, objective)
    with backend.engine(module, both, splits, training, Execution()) as engine:
        return metrics(objective, engine.score(training.evaluate_batch_size))["loss"]


def times(choice: Choice, task: str, lengths: tuple[int, int]) -> dict[str, dict[str, object]]:
    """Cell → seconds of an update at a short and at a long sequence.

    Of each repeat the first updates warm up and as many others are timed; the cells take turns,
    so that a busy moment hits them alike.
    """
    found: dict[str, list[tuple[float, float]]] = {cell: [] for cell in CELLS}
    for seed in range(choice.repeats):
        for cell, own in found.items():
            short, long = (_time(choice, network(cell, task, n, choice.units), task, n, seed)
                           for n in lengths)  # fmt: skip
            own.append((short, long))
    return {
        cell: {"short": spread([a for a, _ in own]), "long": spread([b for _, b in own])}
        for cell, own in found.items()
    }


def _time(choice: Choice, model: Model, task: str, length: int, seed: int) -> float:
    """Seconds of one update after warm-up."""
    splits = {"train": choice.splits(task, length, seed)["train"]}
    training = choice.training(seed, choice.rate, 2)
    module = implementation(BACKEND).module(model, draw(model, seed))
    *_, last = _epochs(module, TASKS[task].objective, splits, training)
    return last.seconds / choice.look
