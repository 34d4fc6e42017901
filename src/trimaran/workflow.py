"""The story of a run: recipe → data → description → source → training → scores → report."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from trimaran import runs
from trimaran.data.batches import Rows
from trimaran.data.prepare import prepare
from trimaran.data.prepared import Prepared
from trimaran.data.stream import Stream
from trimaran.errors import RecipeError
from trimaran.recipe import Recipe
from trimaran.runs import RunFiles, Scores
from trimaran.spec import Model
from trimaran.steps import generation, opening, otherdata, scoring, texts
from trimaran.steps.ahead import Forecasts, forecasts
from trimaran.steps.beginning import Beginning, begin
from trimaran.steps.description import describe, objective, settle, trimmed
from trimaran.steps.estimate import Plan
from trimaran.steps.implementation import Implementation, implementation
from trimaran.steps.predictions import Predictions, predictions
from trimaran.steps.timing import Timing
from trimaran.training.checkpoint import Place
from trimaran.training.events import INTERRUPTED, Event, EventLog, Notice, Stopped, to_json
from trimaran.weights import save


@dataclass(frozen=True)
class Options:
    """What a caller wants besides the recipe.

    out:    the run folder to make; None is a dated one
    timing: began when the user asked
    tell:   hears every event;  scored: hears of the scores before the report is written
    """

    out: str | Path | None = None
    tensorboard: bool = False
    inexact: bool = False
    timing: Timing = field(default_factory=Timing)
    tell: Callable[[Event | Plan], None] = lambda event: None
    scored: Callable[[RunFiles], None] = lambda run: None


@dataclass(frozen=True)
class Done:
    """A run that ended, why, and how to go on: only one that was not interrupted has scores."""

    run: RunFiles
    reason: str
    advice: str
    timing: Timing
    plan: Plan
    notices: tuple[str, ...]


def run(recipe: Recipe, options: Options | None = None) -> Done:
    """Train, score and report.

    Raises:
        TrimaranError: recipe, data or training cannot be; what was saved before stays whole.
    """
    chosen = options or Options()
    backend, prepared = _load(recipe)
    model = describe(recipe.model, prepared)
    settled = settle(recipe, prepared, model)
    execution, first = backend.resolve(settled.training), _beginning(settled, model)
    start = opening.Opening(settled, prepared, model, backend, execution, first)
    path = runs.create(settled.name, chosen.out)
    start.write(path)
    return _train(RunFiles(path), start, chosen, resuming=False)


def resume(name: str | Path | RunFiles, options: Options | None = None) -> Done:
    """Go on from the last whole checkpoint, to the bytes of a run that was never stopped."""
    found = name if isinstance(name, RunFiles) else runs.find(name)
    backend, prepared = _load(found.recipe)
    execution = backend.resolve(found.recipe.training)
    first = _beginning(found.recipe, found.model)
    start = opening.Opening(found.recipe, prepared, found.model, backend, execution, first)
    return _train(found, start, options or Options(), resuming=True)


def _load(recipe: Recipe) -> tuple[Implementation, Prepared]:
    """The framework is imported while a thread prepares the data."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(prepare, recipe.data_settings(), recipe.training.seed)
        backend = implementation(recipe.backend)
        return backend, coming.result()


def _beginning(recipe: Recipe, model: Model) -> Beginning:
    return begin(model, recipe.model, recipe.training.seed)


def _train(run: RunFiles, start: opening.Opening, options: Options, resuming: bool) -> Done:
    plan = start.plan(run.path)
    options.tell(plan)
    for text in start.notices:
        options.tell(Notice(text))
    with start.backend.prepared(start.execution):
        module = start.backend.module(start.model, start.beginning.arrays)
        identity = start.identity
        place = Place(
            run.path / runs.CHECKPOINTS, run.path / runs.EVENTS, identity, resuming, options.inexact
        )
        events = start.backend.fit(
            module,
            objective(start.model, start.prepared),
            trimmed(start.model, start.prepared.splits),
            start.recipe.training,
            start.execution,
            place,
        )
        end = _listen(run, events, options)
        if end.reason != INTERRUPTED:
            arrays = start.backend.arrays(module)
            save(run.path / runs.WEIGHTS, arrays, {"model": identity["model"]})
            _judge(run, start, options)
    options.timing.end()
    return Done(run, end.reason, end.advice, options.timing, plan, start.notices)


def _listen(run: RunFiles, events: Generator[Event, None, None], options: Options) -> Stopped:
    """Write every event, tell it, and return the last one."""
    end = Stopped("", 0, 0)
    with ExitStack() as stack:
        # Closed here, not by the garbage collector: whatever it set in the process goes first.
        stack.enter_context(closing(events))
        log = stack.enter_context(EventLog(run.path / runs.EVENTS))
        scalars = None
        if options.tensorboard:
            from trimaran.report import ScalarWriter

            scalars = stack.enter_context(ScalarWriter(run.path / runs.TENSORBOARD))
        for event in events:
            log.append(event)
            options.timing.see(event)
            options.tell(event)
            if scalars is not None:
                scalars.event(to_json(event))
            if isinstance(event, Stopped):
                end = event
    return end


def _judge(run: RunFiles, start: opening.Opening, options: Options) -> None:
    """Scores first, since people wait for them; then the pictures and the pages."""
    prepared = start.prepared
    network = start.backend.network(start.model, run.weights, start.execution)
    held = {name: rows for name, rows in prepared.splits.items() if name != "train"}
    given: dict[str, np.ndarray] = {}
    scored = {}
    for split, rows in (held or prepared.splits).items():
        given[split] = scoring.answers(network, rows)
        scored[split] = scoring.score(
            rows, given[split], prepared.preprocess, start.seed, prepared.splits
        )
    scoring.write_scores(run.path / runs.SCORES, scored)
    options.scored(run)
    split = runs.best_split(given)
    folder = run.path / runs.ARTIFACTS
    rows = prepared.splits[split]
    build = partial(start.backend.network, start.model, execution=start.execution)
    telling = partial(texts.telling_words, build, start.model, run.weights, pre=prepared.preprocess)
    scoring.write_worst(folder, split, rows, given[split], prepared.preprocess, telling)
    beside = texts.write_baseline(folder, prepared, given, start.seed)
    if beside:
        options.tell(Notice(beside))
    scoring.write_features(folder, network, rows)
    scoring.write_boundary(folder, network, rows, prepared.preprocess)
    generation.write_sample(folder, run, rows)
    report(run)


def report(run: RunFiles) -> Path:
    """Write report.html and README.md from the run's folder."""
    from trimaran.report import write_card, write_report

    write_card(run.path)
    return write_report(run.path)


def evaluate(
    run: RunFiles, data: Any = None, split: str | None = None, backend: str | None = None
) -> Scores:
    """Scores in float32 on the run's own splits, or on other data that has the answers.

    Args:
        data: a path as in `data.path`, or a pair (inputs, labels); None is the run's own data.
        split: one split of the run's own data; None is those that were held out.
        backend: another than the one that trained.

    Raises:
        DataError: a label that training never saw, or rows of another kind.
    """
    network = implementation(backend or run.recipe.backend).network(run.model, run.weights)
    own: dict[str, Rows | Stream] | None = None
    if data is not None:
        rows: dict[str, Rows | Stream] = {"data": otherdata.rows(run, data)}
    else:
        rows = dict(prepare(run.recipe.data_settings(), run.recipe.training.seed).splits)
        own = rows
        if split is not None and split not in rows:
            raise RecipeError(f"There is no split {split!r}; this run has {', '.join(rows)}.")
        held = {name: part for name, part in rows.items() if name != "train"} or rows
        rows = {split: rows[split]} if split else held
    found = {
        name: scoring.score(
            part, scoring.answers(network, part), run.preprocess, run.recipe.training.seed, own
        )
        for name, part in rows.items()
    }
    return Scores({"splits": {name: each.to_json() for name, each in found.items()}})


def predict(run: RunFiles, inputs: Any, backend: str | None = None) -> Predictions | Forecasts:
    """Answers for raw rows: arrays, frames, files or a folder; see `Preprocess.apply`. A run that
    forecasts takes the past of series, and tells the steps after it.

    `backend` may be another than the one that trained.

    Raises `RecipeError` for a run that learned a language, which answers with text.
    """
    if scoring.output_of(run.preprocess).kind == "tokens":
        raise RecipeError(
            f"{run.path.name} learned to continue a text; write with it: trimaran generate "
            f"{shlex.quote(str(run.path))} --prompt TEXT."
        )
    network = implementation(backend or run.recipe.backend).network(run.model, run.weights)
    if scoring.output_of(run.preprocess).kind == "series":
        return forecasts(network, run.preprocess, inputs)
    return predictions(network, run.preprocess, *otherdata.questions(run.preprocess, inputs))
