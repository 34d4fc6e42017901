"""The training loop: three short levels, run, epoch and updates, that yield events."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Generator, Iterator

import numpy as np

from trimaran.errors import TrainingError
from trimaran.tasks.loss import Objective
from trimaran.training import judging, saving
from trimaran.training.checkpoint import Place
from trimaran.training.engine import Engine, Objectives, Update
from trimaran.training.events import INTERRUPTED, Epoch, Event, Health, Step, Stopped
from trimaran.training.execution import Execution
from trimaran.training.health import diagnose
from trimaran.training.interruption import Interruption
from trimaran.training.objectives import objectives
from trimaran.training.resume import identity, stored_execution
from trimaran.training.run import (
    Parts,
    Run,
    Splits,
    batch_seed,
    drain,
    health_interval,
    learning_rate,
    reason_to_stop,
)
from trimaran.training.settings import Training
from trimaran.training.stopping import enough
from trimaran.training.tally import Tally

# Seconds between looks at the losses on the device, which is also the pace of `Step` events.
_LOOK = 0.1

Make = Callable[[Objectives, Execution], contextlib.AbstractContextManager[Engine]]


def fit(
    make: Make,
    objective: Objective,
    splits: Splits,
    training: Training,
    execution: Execution,
    place: Place | None = None,
) -> Iterator[Event]:
    """Trains the network of the engine that `make` opens, yielding what happens.

    splits["validation"], where there is one, is scored after each epoch. At the end the engine
    holds the averaged weights (`ema`) or the best ones (`early_stopping`). With a `place` the run
    is saved there and can be resumed, in the execution it began with.

    Raises `TrainingError` for parts that do not fit, a loss that is not finite, or a full disk,
    and `RunError` for checkpoints that are damaged or of another run.
    """
    if "train" not in splits:
        raise TrainingError("The data has no split named 'train'; add one to train on.")
    found = saving.found(place)
    if found and place and not place.inexact:
        execution = stored_execution(found.checkpoint)
    both = objectives(objective, training, splits["train"])
    began = time.monotonic()
    with make(both, execution) as engine, Interruption() as interruption:
        parts = Parts(engine, both, splits, training, execution)
        given = place.identity if place else {}
        same = identity(training, splits["train"], engine.fingerprint(), given)
        run = Run(parts, place, same, interruption, began, Tally(both.train))
        judging.check_monitors(run)
        yield from saving.begin(run, found)
        yield from _run(run)


def _run(run: Run) -> Iterator[Event]:
    """Epochs until one of the reasons to stop; then the weights that are to be kept."""
    position, training = run.position, run.training
    reason = position.finished
    while not reason and position.epoch < training.epochs:
        reason = yield from _epoch(run)
    yield from saving.save(run)
    if reason == INTERRUPTED:
        yield Stopped(reason, position.step, position.best.step, saving.advice(run))
        return
    if reason == "time limit" and position.batch:
        yield from judging.judge(run)
    best_step = judging.keep_best(run)
    yield Stopped(reason or "finished", position.step, best_step)


def _epoch(run: Run) -> Generator[Event, None, str]:
    """Updates to the end of the epoch and its score; returns why the run should stop, or ""."""
    position = run.position
    order = run.parts.order(position.epoch)
    run.seen, started = run.tally.examples(), time.monotonic()
    before = position.epoch_seconds
    run.engine.begin(position.epoch, order, position.batch)
    with contextlib.ExitStack() as stack:
        stack.callback(run.engine.end)
        while position.batch < len(order):
            yield from _updates(run, len(order))
            now = time.monotonic()
            position.epoch_seconds = before + now - started
            if now - run.looked >= _LOOK:
                yield from _look(run, order, now)
            reason = reason_to_stop(run)
            if position.batch < len(order) and reason:
                drain(run, order)
                return reason
            if saving.due(run, now) and position.batch < len(order):
                drain(run, order)
                yield from saving.save(run)
    # An engine may have only queued the last updates: the epoch ends when they are done.
    drain(run, order)
    position.epoch_seconds = before + time.monotonic() - started
    yield from _end_epoch(run)
    return position.finished or reason_to_stop(run)


def _updates(run: Run, batches: int) -> Iterator[Event]:
    """As many updates as the engine likes to make at once, in an epoch of so many batches."""
    position = run.position
    every = health_interval(run)
    watch = position.step % every == 0
    most = min(run.engine.span, every - position.step % every)
    planned = _planned(run, batches, most)
    layers = run.engine.update(planned, watch)
    position.step = planned[-1].number
    position.batch = planned[-1].first + planned[-1].batches
    run.rate = planned[-1].rate
    if watch:
        found = diagnose(layers)
        run.warnings.update(dict.fromkeys(str(diagnosis) for diagnosis in found))
        yield Health(planned[0].number, layers, found)


def _planned(run: Run, batches: int, most: int) -> list[Update]:
    """The next updates, at most `most` of them and at least one."""
    position, join = run.position, run.training.accumulate
    planned: list[Update] = []
    for first in range(position.batch, batches, join)[:most]:
        step = position.step + len(planned)
        count = min(join, batches - first)
        seeds = tuple(batch_seed(run, first + i) for i in range(count))
        planned.append(Update(step + 1, first, count, learning_rate(run, step), seeds))
    return planned


def _look(run: Run, order: list[np.ndarray], now: float) -> Iterator[Event]:
    """Reads the losses that wait on the device, and shows how it goes."""
    losses = drain(run, order)
    done = run.tally.examples()
    speed = (done - run.seen) / max(now - run.looked, 1e-9)
    run.looked, run.seen = now, done
    run.pace = 0.0 if run.pace is None else max(run.pace, speed)
    if losses:
        mean = math.fsum(losses) / len(losses)
        position = run.position
        yield Step(position.step, position.epoch + 1, mean, done, speed, run.rate)


def _end_epoch(run: Run) -> Iterator[Event]:
    """Scores the epoch, moves on to the next one, and saves if it is time."""
    position, training = run.position, run.training
    metrics = run.tally.metrics()
    examples, seconds = run.tally.examples(), position.epoch_seconds
    step, rate, warnings = position.step, run.rate, tuple(run.warnings)
    metrics |= yield from judging.judge(run)
    position.epoch, position.batch, position.epoch_seconds = position.epoch + 1, 0, 0.0
    run.tally.sums.clear()
    run.warnings.clear()
    rule = training.early_stopping
    if rule and enough(rule, position.best):
        position.finished = "early stopping"
    speed = examples / max(seconds, 1e-9)
    yield Epoch(position.epoch, step, metrics["loss"], metrics, rate, seconds, speed, warnings)
    run.looked = time.monotonic()
    every = training.checkpoint_epochs
    if (every and position.epoch % every == 0) or saving.due(run, run.looked):
        yield from saving.save(run)
