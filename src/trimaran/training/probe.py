"""What a measuring process is told, and what it answers: files in a folder of its own.

The process that compares knows no framework; each measurement is a fresh process of a backend's
room, which finds its task in a folder (`task.json`, `arrays.npz`) and leaves `answer.json`, and
where it computed something `outputs.npz`.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trimaran.files import read_json, write_arrays, write_json
from trimaran.spec import Model, codec
from trimaran.tasks.loss import Objective
from trimaran.training.pace import pace, peak_memory

TASK, ARRAYS, ANSWER, OUTPUTS = "task.json", "arrays.npz", "answer.json", "outputs.npz"
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Graph:
    """A way to run a network. `trains`: it also makes training steps, not only answers; `base`: it
    is what its framework does when nothing else is asked for."""

    name: str
    about: str
    trains: bool = True
    base: bool = False


@dataclass(frozen=True)
class Task:
    """A network with its weights and one batch.

    kind: which graph, as the backend names it;  seconds: how long the steady calls should take
    inputs: by name, channels-last;  targets: by output
    """

    backend: str
    kind: str
    model: Model
    weights: Arrays
    inputs: Arrays
    targets: Arrays
    objective: Objective
    threads: int
    seconds: float
    rate: float = 1e-3

    def write(self, folder: Path) -> None:
        """Leave it for the process."""
        groups = {"weight": self.weights, "input": self.inputs, "target": self.targets}
        arrays = {f"{group}:{key}": v for group, own in groups.items() for key, v in own.items()}
        write_arrays(folder / ARRAYS, arrays)
        values = {name: getattr(self, name) for name in ("backend", "kind", "threads", "seconds")}
        values |= {"rate": self.rate, "objective": self.objective.to_json()}
        write_json(folder / TASK, values | {"model": codec.to_json(self.model)})

    @classmethod
    def read(cls, folder: Path) -> Task:
        """What `write` left."""
        values = read_json(folder / TASK)
        groups: dict[str, dict[str, np.ndarray]] = {"weight": {}, "input": {}, "target": {}}
        with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
            for name in arrays.files:
                group, _, key = name.partition(":")
                groups[group][key] = arrays[name]
        values["model"] = codec.from_json(values["model"])
        values["objective"] = Objective.from_json(values["objective"])
        values |= {f"{group}s": arrays for group, arrays in groups.items()}
        return cls(**values)


@dataclass(frozen=True)
class Ready:
    """A network in one kind of graph. Calls return when their work is done.

    infer: the framework's outputs for the batch, which `fetch` makes NumPy's, by name
    train: one update, and its loss;  between: called before the first `train`
    """

    infer: Callable[[], Any]
    fetch: Callable[[Any], dict[str, np.ndarray]]
    train: Callable[[], Any] | None = None
    between: Callable[[], None] = field(default=lambda: None)


class Refusal(Exception):
    """A kind that cannot run here; the text says why in a sentence."""


def measure(folder: Path, ready: Callable[[Task], Ready]) -> None:
    """Do the task in `folder`: the time to make the graph, to answer and to train.

    A kind that fails is an answer too: {"failed": why, "traceback": ...}.
    """
    task = Task.read(folder)
    try:
        found = _measured(task, folder, ready)
    except Refusal as why:
        found = {"failed": str(why)}
    except Exception as fault:
        found = {"failed": first_line(fault), "traceback": traceback.format_exc()}
    write_json(folder / ANSWER, found)


def _measured(task: Task, folder: Path, ready: Callable[[Task], Ready]) -> dict[str, Any]:
    began = time.perf_counter()
    graph = ready(task)
    made = time.perf_counter() - began
    answering, first = pace(graph.infer, task.seconds)
    write_arrays(folder / OUTPUTS, graph.fetch(first))
    found: dict[str, Any] = {"made": made, "infer": answering.to_json()}
    if graph.train is not None:
        graph.between()
        training, loss = pace(graph.train, task.seconds)
        found |= {"train": training.to_json(), "loss": float(loss)}
    return found | {"memory": peak_memory()}


def first_line(fault: BaseException) -> str:
    """The kind of an error and the first line of what it says."""
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    return f"{type(fault).__name__}: {lines[0][:300]}" if lines else type(fault).__name__
