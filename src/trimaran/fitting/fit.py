"""Training, scoring and predicting with arrays in memory: what the Python faces share.

The faces hold a description and its weights as plain arrays; a backend is loaded by name when
there is something to compute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from trimaran.backends.protocol import Network
from trimaran.data.batches import Rows
from trimaran.spec import Model
from trimaran.steps.implementation import Implementation, implementation
from trimaran.tasks.loss import Objective
from trimaran.training.events import Epoch, Event, Stopped
from trimaran.training.execution import Execution, Machine, resolve, usable_cores
from trimaran.training.objectives import objectives
from trimaran.training.settings import Training
from trimaran.training.tally import metrics

Arrays = Mapping[str, np.ndarray]
TORCH = "torch"


@dataclass(frozen=True)
class Job:
    """What is to be learned, how, and on which backend."""

    model: Model
    objective: Objective
    training: Training
    backend: str = TORCH


@dataclass(frozen=True)
class Fitted:
    """What training left behind: the weights, each epoch's figures, and why it stopped."""

    weights: dict[str, np.ndarray]
    epochs: tuple[Epoch, ...]
    stopped: Stopped


def fit(
    job: Job, weights: Arrays, splits: Mapping[str, Rows], watch: Callable[[Event], None]
) -> Fitted:
    """Train on splits["train"] from these weights; `watch` is told of every event.

    Raises `TrainingError` where the loss is not finite or parts do not fit together.
    """
    backend = implementation(job.backend)
    module = backend.module(job.model, weights)
    how = execution(job.training, backend)
    epochs: list[Epoch] = []
    stopped = Stopped("finished", 0, 0)
    for event in backend.fit(module, job.objective, splits, job.training, how, None):
        watch(event)
        if isinstance(event, Epoch):
            epochs.append(event)
        elif isinstance(event, Stopped):
            stopped = event
    return Fitted(backend.arrays(module), tuple(epochs), stopped)


def evaluate(job: Job, weights: Arrays, rows: Rows, batch_size: int) -> dict[str, float]:
    """Mean loss and metrics under Keras's keys, in float32: what `val_*` is in training."""
    backend = implementation(job.backend)
    module = backend.module(job.model, weights)
    how = execution(job.training, backend)
    both = objectives(job.objective, job.training, rows)
    splits = {"train": rows, "validation": rows}
    with backend.engine(module, both, splits, job.training, how) as engine:
        return metrics(both.judge, engine.score(batch_size))


def network(
    model: Model, weights: Arrays, precision: str = "float32", backend: str = TORCH
) -> Network:
    """A network that answers in NumPy."""
    return implementation(backend).backend.build(model, weights, precision)


def predict(built: Network, rows: Rows, batch_size: int) -> dict[str, np.ndarray]:
    """The outputs of a built network for all rows, heads applied, by output name."""
    made: dict[str, list[np.ndarray]] = {name: [] for name, _ in built.model.outputs}
    for start in range(0, max(len(rows), 1), batch_size):
        part = {k: v[start : start + batch_size] for k, v in rows.inputs.items()}
        for name, values in built.forward(part).outputs.items():
            made[name].append(values)
    return {name: np.concatenate(parts) for name, parts in made.items()}


def execution(training: Training, backend: Implementation) -> Execution:
    """How to execute. Settled threads need no look at which cores are idle, which takes 0.1 s."""
    if isinstance(training.threads, int) and training.precision != "auto":
        cores = usable_cores()
        found = backend.rooms["execution"].accelerators()
        return resolve(training, Machine(cores, cores, False, found))
    return backend.resolve(training)
