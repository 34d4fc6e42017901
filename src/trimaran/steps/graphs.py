"""The story of `trimaran compare graphs`: one network in every kind of graph, held together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimaran.comparison.graphs import TOLERANCE, Measured, judge, row
from trimaran.comparison.problem import invented
from trimaran.errors import RecipeError
from trimaran.spec import Model
from trimaran.steps import environment, probing
from trimaran.training.execution import asked_threads, usable_cores
from trimaran.training.probe import Graph, Task
from trimaran.weights import check_seed, draw

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Choice:
    """How to measure.

    repeats: fresh processes for each kind of graph;  seconds: of steady calls in each
    """

    backends: tuple[str, ...] = probing.BACKENDS
    batch_size: int = 128
    repeats: int = 3
    seconds: float = 1.0
    seed: int = 0
    threads: int = 0

    def __post_init__(self) -> None:
        probing.check(self.backends)
        for name in ("batch_size", "repeats"):
            if getattr(self, name) < 1:
                raise RecipeError(f"{name} must be at least 1, but is {getattr(self, name)}.")
        if not 0 < self.seconds <= 600:
            raise RecipeError(f"seconds must lie in (0, 600], but is {self.seconds}.")
        check_seed(self.seed)

    @property
    def cores(self) -> int:
        """Threads of every process: as asked, else the cores that this one may use."""
        return self.threads or asked_threads() or usable_cores()


def task(model: Model, choice: Choice, backend: str, kind: str) -> Task:
    """The network with drawn weights and one invented batch: the same for every backend."""
    rows, goal = invented(model, choice.batch_size, choice.seed)
    inputs = {port.name: rows.floats(port.name) for port in model.inputs}
    weights = draw(model, choice.seed)
    targets = dict(rows.targets)
    return Task(backend, kind, model, weights, inputs, targets, goal, choice.cores, choice.seconds)


def from_tasks(tasks: Iterable[Task], graph: Graph, tell: Tell) -> Measured:
    """One kind of graph, in a fresh process for each of these equal tasks."""
    answers: list[Mapping[str, Any]] = []
    outputs: list[Mapping[str, np.ndarray]] = []
    backend = ""
    for number, one in enumerate(tasks, 1):
        backend = one.backend
        tell(f"{backend}: {graph.name}, process {number}")
        answer, found = probing.probe(one, "graphs")
        answers.append(answer)
        outputs.append(found)
        if "failed" in answer:
            break
    return Measured(backend, graph, tuple(answers), tuple(outputs))


def rows(
    model: Model, choice: Choice, kinds: Mapping[str, Sequence[Graph]], tell: Tell
) -> list[dict[str, Any]]:
    """A line for each kind of graph; the first of each backend is its eager one."""
    found: list[dict[str, Any]] = []
    truth: Mapping[str, np.ndarray] = {}
    for backend, graphs in kinds.items():
        eager: Measured | None = None
        for graph in graphs:
            tasks = (task(model, choice, backend, graph.name) for _ in range(choice.repeats))
            one = from_tasks(tasks, graph, tell)
            eager = eager or one
            truth = truth or eager.outputs[0]
            found.append(row(one, eager, truth))
    return found


def compare(model: Model, choice: Choice, tell: Tell) -> dict[str, Any]:
    """What `compare graphs --json` prints."""
    kinds = {name: probing.facts(name).GRAPHS[name] for name in choice.backends}
    found = rows(model, choice, kinds, tell)
    ok, verdict = judge(found)
    return {
        "ok": ok,
        "verdict": verdict,
        "model": model.name,
        "parameters": model.size,
        "batch_size": choice.batch_size,
        "repeats": choice.repeats,
        "threads": choice.cores,
        "tolerance": TOLERANCE,
        "labels": labels(choice.backends),
        "versions": environment.versions(),
        "cpu": environment.cpu(),
        "rows": found,
    }


def labels(backends: Iterable[str]) -> dict[str, str]:
    """Backends as people call them."""
    return {name: probing.facts(name).LABELS[name] for name in backends}
