"""Training, scoring and predicting with arrays in memory: what the Python faces share.

The faces hold a description and its weights as plain arrays; a backend is loaded by name when
there is something to compute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from trimaran.data.batches import Rows
from trimaran.spec import Model
from trimaran.tasks.loss import Objective
from trimaran.training.events import Epoch, Event, Stopped
from trimaran.training.execution import Execution, Machine, resolve, usable_cores
from trimaran.training.settings import Training

Arrays = Mapping[str, np.ndarray]
BACKEND = "torch"


@dataclass(frozen=True)
class Job:
    """What is to be learned, and how."""

    model: Model
    objective: Objective
    training: Training


@dataclass(frozen=True)
class Fitted:
    """What training left behind: the weights, each epoch's figures, and why it stopped."""

    weights: dict[str, np.ndarray]
    epochs: tuple[Epoch, ...]
    stopped: Stopped


def load(part: str, backend: str = BACKEND) -> Any:
    """A module of a backend: "build", "loop", ..."""
    return import_module(f"trimaran.backends.{backend}.{part}")


def fit(
    job: Job, weights: Arrays, splits: Mapping[str, Rows], watch: Callable[[Event], None]
) -> Fitted:
    """Train on splits["train"] from these weights; `watch` is told of every event.

    Raises `TrainingError` where the loss is not finite or parts do not fit together.
    """
    network = load("build").module(job.model, weights)
    epochs: list[Epoch] = []
    stopped = Stopped("finished", 0, 0)
    events: Iterator[Event] = load("loop").fit(
        network, job.objective, splits, job.training, execution(job.training)
    )
    for event in events:
        watch(event)
        if isinstance(event, Epoch):
            epochs.append(event)
        elif isinstance(event, Stopped):
            stopped = event
    return Fitted(load("weights").arrays(network), tuple(epochs), stopped)


def evaluate(job: Job, weights: Arrays, rows: Rows, batch_size: int) -> dict[str, float]:
    """Mean loss and metrics under Keras's keys, in float32: what `val_*` is in training."""
    network = load("build").module(job.model, weights)
    how = execution(job.training)
    with load("execution").prepared(how):
        splits = {"train": rows, "validation": rows}
        setup = load("setup").set_up(network, job.objective, splits, job.training, how)
        scores: dict[str, float] = load("scoring").score(
            setup.network, setup.outputs, setup.judge, setup.validation, batch_size
        )
    return scores


def predict(network: Any, rows: Rows, batch_size: int) -> dict[str, np.ndarray]:
    """The outputs of a built network for all rows, heads applied, by output name."""
    made: dict[str, list[np.ndarray]] = {name: [] for name, _ in network.model.outputs}
    for start in range(0, max(len(rows), 1), batch_size):
        part = {k: v[start : start + batch_size] for k, v in rows.inputs.items()}
        for name, values in network.forward(part).outputs.items():
            made[name].append(values)
    return {name: np.concatenate(parts) for name, parts in made.items()}


def execution(training: Training) -> Execution:
    """How to execute. Settled threads need no look at which cores are idle, which takes 0.1 s."""
    machines = load("execution")
    if isinstance(training.threads, int) and training.precision != "auto":
        cores = usable_cores()
        return resolve(training, Machine(cores, cores, False, machines.accelerators()))
    return resolve(training, machines.machine())
