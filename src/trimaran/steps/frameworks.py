"""The story of `trimaran compare frameworks`: one network on every backend, every cell measured."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from trimaran.comparison import frameworks as compared
from trimaran.comparison.claims import judged
from trimaran.comparison.claims_frameworks import CLAIMS
from trimaran.comparison.graphs import row
from trimaran.comparison.student import METHOD, spread
from trimaran.data.batches import Rows as Split
from trimaran.data.prepare import prepare
from trimaran.emit.loops import Loop
from trimaran.errors import RecipeError, RunError
from trimaran.files import read_json, write_json
from trimaran.keys import plain
from trimaran.recipe import Recipe, load
from trimaran.spec import Model
from trimaran.steps import ejected, environment, graphs, installs, probing
from trimaran.steps.description import describe, objective
from trimaran.tasks import Objective
from trimaran.training.execution import asked_threads, usable_cores
from trimaran.training.probe import ANSWER, OUTPUTS, TASK, Task
from trimaran.weights import draw

Tell = Callable[[str], None]
LOOP_ROWS, LOOP_EPOCHS = 2048, 2
"""Of the ejected loops: enough that the loss falls."""


@dataclass(frozen=True)
class Choice:
    """What to compare, and how long.

    data: a set's name, or the path of your own;  limit: rows of it, None is all
    seeds: each is a run per backend, with its own split, weights and order of batches
    repeats: fresh processes for each kind of graph, and for each import
    seconds: of steady calls in each kind of graph
    """

    model: str = "mnist-mlp-128"
    data: str = "mnist"
    seeds: int = 3
    epochs: int = 5
    limit: int | None = None
    batch_size: int = 128
    repeats: int = 3
    seconds: float = 1.0
    backends: tuple[str, ...] = probing.BACKENDS
    threads: int = 0

    def __post_init__(self) -> None:
        for name, least, why in (
            ("seeds", 2, "an interval needs several runs"),
            ("epochs", 2, "the first one warms up and is not timed"),
            ("batch_size", 1, "a batch holds rows"),
            ("repeats", 1, "something must be measured"),
        ):
            if getattr(self, name) < least:
                raise RecipeError(
                    f"{name} is {getattr(self, name)}; it must be at least {least}, because {why}."
                )
        probing.check(self.backends)
        if set(self.backends) != set(probing.BACKENDS):
            raise RecipeError(
                f"The frameworks are compared on {', '.join(probing.BACKENDS)} together; for some "
                f"of them take: trimaran compare graphs {self.model} --backends "
                f"{','.join(self.backends)}"
            )

    @cached_property
    def cores(self) -> int:
        """Threads of every process: as asked, else the cores that this one may use."""
        return self.threads or asked_threads() or usable_cores()

    def recipe(self, backend: str, seed: int) -> Recipe:
        """One of the runs."""
        source = {"path": self.data} if Path(self.data).exists() else {"set": self.data}
        training = {
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "seed": seed,
            "precision": "float32",
            "threads": self.cores,
            "device": "cpu",
        }
        values = {
            "name": f"{backend}-{seed}",
            "data": {**source, "limit": self.limit},
            "model": {"zoo": self.model},
            "training": training,
            "backend": backend,
        }
        return load(values)


@dataclass(frozen=True)
class Subject:
    """The network, its data and what it learns, as the first seed has them."""

    model: Model
    objective: Objective
    train: Split
    rows: ejected.Rows
    loop: Loop


def subject(choice: Choice) -> Subject:
    """Prepare the data once, for what is not a run.

    Raises:
        TrimaranError: model and data do not fit, or the model has several inputs or outputs.
    """
    recipe = choice.recipe("torch", 0)
    prepared = prepare(recipe.data_settings(), 0)
    model = describe(recipe.model, prepared)
    train = prepared.splits["train"]
    if not isinstance(train, Split):
        raise RecipeError(
            f"{choice.data} does not fit in memory; compare on fewer rows with --limit."
        )
    few = train.take(np.arange(min(len(train), LOOP_ROWS)))
    rows = ejected.Rows(few.floats(), next(iter(few.targets.values())))
    goal = objective(model, prepared)
    loop = Loop(model, next(iter(goal.losses.values())).kind, LOOP_EPOCHS)
    return Subject(model, goal, train, rows, loop)


def compare(choice: Choice, folder: Path, tell: Tell) -> dict[str, Any]:
    """Measure everything into `folder`; what `compare frameworks --json` prints."""
    began = time.monotonic()
    given = subject(choice)
    folder.mkdir(parents=True, exist_ok=True)
    backends = {name: _sources(given, choice, folder, name, tell) for name in choice.backends}
    _run_kinds(given, choice, backends, tell)
    for name, found in installs.sizes(choice.backends).items():
        backends[name]["install"] = found
    for name in choice.backends:
        tell(f"{name}: time of the import")
        backends[name]["import_seconds"] = imports(name, choice)
        tell(f"{name}: deployment formats")
        backends[name]["formats"] = formats(given, choice, name)
    runs, answers = trials(choice, folder, tell)
    found = _told(given, choice, runs, answers, backends)
    found["claims"] = judged(found, CLAIMS)
    found["seconds"] = time.monotonic() - began
    write_json(folder / "measurements.json", found)
    return found


def _sources(given: Subject, choice: Choice, folder: Path, name: str, tell: Tell) -> dict[str, Any]:
    """The source, its loop and the planted mistake of a backend, all of them run."""
    tell(f"{name}: the ejected source and its training loop, in a clean process")
    found = ejected.trained(folder / name, name, given.loop, given.rows, choice.cores)
    tell(f"{name}: a planted mistake")
    error = ejected.failed(folder / name / "mistake", name, given.loop, given.rows, choice.cores)
    return {"label": probing.facts(name).LABELS[name], **found, "error": error}


def _run_kinds(
    given: Subject, choice: Choice, backends: dict[str, dict[str, Any]], tell: Tell
) -> None:
    """Eager against compiled, per backend."""
    truth: Mapping[str, np.ndarray] = {}
    for name, own in backends.items():
        made = []
        facts = probing.facts(name)
        wanted = (facts.GRAPHS[name][0].name, facts.COMPILED[name])
        for graph in (graph for graph in facts.GRAPHS[name] if graph.name in wanted):
            tasks = (task(given, choice, name, graph.name) for _ in range(choice.repeats))
            made.append(graphs.from_tasks(tasks, graph, tell))
        truth = truth or made[0].outputs[0]
        own["graphs"] = [row(one, made[0], truth) for one in made]


def task(given: Subject, choice: Choice, backend: str, kind: str) -> Task:
    """The first batch of the training rows, with the weights of the first seed."""
    few = given.train.take(np.arange(min(choice.batch_size, len(given.train))))
    inputs = {port.name: few.floats(port.name) for port in given.model.inputs}
    weights, targets = draw(given.model, 0), dict(few.targets)
    goal, threads = given.objective, choice.cores
    return Task(backend, kind, given.model, weights, inputs, targets, goal, threads, choice.seconds)


def formats(given: Subject, choice: Choice, backend: str) -> list[dict[str, Any]]:
    """What the backend can write; a process that died leaves what it had tried until then."""
    answer, _ = probing.probe(task(given, choice, backend, "eager"), "formats")
    found: list[dict[str, Any]] = answer.get("formats", [])
    if "failed" in answer:
        found.append(
            {"name": "the rest", "about": "", "of": "deployment", "written": False, "size": 0,
             "seconds": 0.0, "reason": answer["failed"], "remark": ""}
        )  # fmt: skip
    return found


def imports(backend: str, choice: Choice) -> Mapping[str, float]:
    """Seconds of a process that only imports the framework, less those of one that does nothing."""
    env = probing.environment(backend, choice.cores)
    line: str = probing.facts(backend).IMPORTS[backend]
    return spread(
        [max(0.0, _spent(line, env) - _spent("pass", env)) for _ in range(choice.repeats)]
    )


def _spent(code: str, env: Mapping[str, str]) -> float:
    began = time.perf_counter()
    probing.launched(["-c", code], env)
    return time.perf_counter() - began


def trials(
    choice: Choice, folder: Path, tell: Tell
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, list[np.ndarray]]]:
    """Every run in a fresh process; backends take turns, so that a busy hour hits them alike."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in choice.backends}
    answers: dict[str, list[np.ndarray]] = {name: [] for name in choice.backends}
    for seed in range(choice.seeds):
        for name in choice.backends:
            tell(f"{name}: training, seed {seed} ({seed + 1} of {choice.seeds})")
            answer, given = trial(choice, folder / "runs" / f"{name}-{seed}", name, seed)
            runs[name].append(answer)
            answers[name].append(given)
    return runs, answers


def trial(
    choice: Choice, folder: Path, backend: str, seed: int
) -> tuple[dict[str, Any], np.ndarray]:
    """One run, and its answers for the rows that judge it.

    Raises:
        RunError: the run failed; its last words say why.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_json(folder / TASK, plain(choice.recipe(backend, seed)))
    words = ["-m", "trimaran.steps.trial", os.fspath(folder.resolve())]
    env = {**os.environ, "OMP_NUM_THREADS": str(choice.cores)}
    done = probing.launched(words, env)
    if done.returncode or not (folder / ANSWER).is_file():
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RunError(f"Training on {backend} with seed {seed} failed: {last[:400]}")
    with np.load(folder / OUTPUTS, allow_pickle=False) as arrays:
        answer = read_json(folder / ANSWER)
        return {**answer, "seed": seed, "folder": f"runs/{folder.name}"}, arrays["answers"]


def _told(
    given: Subject,
    choice: Choice,
    runs: Mapping[str, Sequence[Mapping[str, Any]]],
    answers: Mapping[str, Sequence[np.ndarray]],
    backends: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Everything but the claims, which are judged by it."""
    labels = {name: own["label"] for name, own in backends.items()}
    for name, own in backends.items():
        own |= compared.times(runs[name])
        own["runs"] = list(runs[name])
    differences = compared.differences(runs, labels)
    score = next(iter(compared.scores(runs)))
    return {
        "model": given.model.name,
        "parameters": given.model.size,
        "data": dict(runs[choice.backends[0]][0]["data"]),
        "split": runs[choice.backends[0]][0]["split"],
        "score": score,
        "seeds": list(range(choice.seeds)),
        "epochs": choice.epochs,
        "batch_size": choice.batch_size,
        "threads": choice.cores,
        "repeats": choice.repeats,
        "cpu": environment.cpu(),
        "method": METHOD,
        "curves": compared.curves(runs),
        "scores": compared.scores(runs),
        "differences": differences,
        "agreement": compared.agreement(answers),
        "verdict": compared.summary(differences, score),
        "backends": backends,
    }
