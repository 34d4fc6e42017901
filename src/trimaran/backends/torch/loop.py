"""The training loop: three short levels, run, epoch and update, that yield events."""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections.abc import Generator, Iterator, Mapping

import numpy as np
import torch
from torch import nn

from trimaran.backends.torch import judging, saving
from trimaran.backends.torch.execution import check_possible, prepared
from trimaran.backends.torch.health import Watch, gradient_sizes
from trimaran.backends.torch.memory import Batch
from trimaran.backends.torch.optimizers import clip
from trimaran.backends.torch.resume import identity, stored_execution
from trimaran.backends.torch.run import (
    Run,
    batch_seed,
    drain,
    learning_rate,
    measures_health,
    reason_to_stop,
)
from trimaran.backends.torch.scoring import entry_of
from trimaran.backends.torch.setup import Setup, Splits, set_up
from trimaran.backends.torch.tally import Entry, Tally
from trimaran.tasks.loss import Objective
from trimaran.training.checkpoint import Place
from trimaran.training.events import Epoch, Event, Health, Step, Stopped
from trimaran.training.execution import Execution
from trimaran.training.health import diagnose
from trimaran.training.interruption import Interruption
from trimaran.training.settings import Training
from trimaran.training.stopping import enough

# Seconds between looks at the losses on the device, which is also the pace of `Step` events.
_LOOK = 0.1


def fit(
    network: nn.Module,
    objective: Objective,
    splits: Splits,
    training: Training,
    execution: Execution,
    place: Place | None = None,
) -> Iterator[Event]:
    """Trains `network` in place on splits["train"], yielding what happens.

    The network takes the inputs in the objective's order (images NCHW), has `forward` and, if it
    ends in a head, `logits`. splits["validation"], where there is one, is scored after each epoch.
    At the end the network holds the averaged weights (`ema`) or the best ones (`early_stopping`).
    With a `place` the run is saved there and can be resumed, in the execution it began with.

    Raises `TrainingError` for parts that do not fit, a loss that is not finite, or a full disk,
    and `RunError` for checkpoints that are damaged or of another run.
    """
    found = saving.found(place)
    if found and place and not place.inexact:
        execution = stored_execution(found.checkpoint)
        check_possible(execution)
    with prepared(execution), Interruption() as interruption:
        began = time.monotonic()
        setup = set_up(network, objective, splits, training, execution)
        same = identity(training, splits["train"], place.identity if place else {})
        tally = Tally(setup.criterion)
        run = Run(setup, setup.horizon, place, same, interruption, began, tally)
        judging.check_monitors(run)
        yield from saving.begin(run, found)
        yield from _run(run)


def _run(run: Run) -> Iterator[Event]:
    """Epochs until one of the reasons to stop; then the weights that are to be kept."""
    position, training = run.position, run.setup.training
    reason = position.finished
    while not reason and position.epoch < training.epochs:
        reason = yield from _epoch(run)
    yield from saving.save(run)
    if reason == "interrupted":
        yield Stopped(reason, position.step, position.best.step, saving.advice(run))
        return
    if reason == "time limit" and position.batch:
        yield from judging.judge(run)
    best_step = judging.keep_best(run)
    yield Stopped(reason or "finished", position.step, best_step)


def _epoch(run: Run) -> Generator[Event, None, str]:
    """Updates to the end of the epoch and its score; returns why the run should stop, or ""."""
    position, setup = run.position, run.setup
    order = setup.order(position.epoch)
    setup.train_mode()
    run.seen, started = run.tally.examples(), time.monotonic()
    before = position.epoch_seconds
    batches = setup.train.batches(order, position.batch, position.epoch)
    with contextlib.closing(batches):
        while position.batch < len(order):
            yield from _update(run, order, batches)
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
    yield from _end_epoch(run, order)
    return position.finished or reason_to_stop(run)


def _update(run: Run, order: list[np.ndarray], batches: Iterator[Batch]) -> Iterator[Event]:
    """One update of the weights from the gradients of `accumulate` batches."""
    setup, position = run.setup, run.position
    training, held = setup.training, setup.held
    group = order[position.batch : position.batch + training.accumulate]
    totals = _totals(setup, group) if len(group) > 1 else None
    watch = None
    for batch in itertools.islice(batches, len(group)):
        if watch is None and measures_health(run):
            watch = Watch(setup.network, batch.inputs)
        entry = _backward(setup, batch, batch_seed(run, batch.number), totals)
        run.tally.add(entry)
    if training.clip_norm is not None or training.clip_value is not None:
        clip(held.update.gradients(), training.clip_norm, training.clip_value)
    sizes = gradient_sizes(setup.network) if watch else {}
    run.rate = learning_rate(run)
    held.update.step(run.rate)
    held.update.clear()
    position.step += 1
    position.batch += len(group)
    if held.averages:
        held.averages.follow(position.step)
    if watch:
        layers = watch.layers(sizes)
        found = diagnose(layers)
        run.warnings.update(dict.fromkeys(str(diagnosis) for diagnosis in found))
        yield Health(position.step, layers, found)


def _backward(
    setup: Setup, batch: Batch, seed: int, totals: Mapping[str, torch.Tensor | float] | None
) -> Entry:
    """Adds the batch's gradients; `totals` are the update's denominators if not the batch's."""
    # Dropout draws from the step's own seed, so a resumed run draws the same.
    torch.default_generator.manual_seed(seed)
    execution = setup.execution
    if execution.device == "cuda":
        torch.cuda.manual_seed(seed)
    if execution.precision == "bfloat16":
        with torch.autocast(execution.device, torch.bfloat16):
            found = setup.outputs(*batch.inputs)
    else:
        found = setup.outputs(*batch.inputs)
    entry = entry_of(batch.number, setup.criterion, found, batch.targets, batch.weights)
    loss = setup.criterion.mean(entry.sums, totals or entry.totals)
    # Not torch.autograd.backward with slopes for the sums, which imports SymPy: 0.7 s.
    loss.backward()  # type: ignore[no-untyped-call]
    return Entry(
        entry.number,
        {name: value.detach() for name, value in entry.sums.items()},
        entry.totals,
        {name: value.detach() for name, value in entry.outputs.items()},
        entry.targets,
    )


def _totals(setup: Setup, group: list[np.ndarray]) -> dict[str, torch.Tensor | float]:
    """The denominators of all rows of an update."""
    targets, weights = setup.train.labels(np.concatenate(group))
    criterion = setup.criterion
    return {k: criterion.row_weights(k, targets[k], weights)[1] for k in criterion.losses}


def _look(run: Run, order: list[np.ndarray], now: float) -> Iterator[Event]:
    """Reads the losses that wait on the device, and shows how it goes."""
    losses = drain(run, order)
    done = run.tally.examples()
    speed = (done - run.seen) / max(now - run.looked, 1e-9)
    run.looked, run.seen = now, done
    if losses:
        mean = math.fsum(losses) / len(losses)
        position = run.position
        yield Step(position.step, position.epoch + 1, mean, done, speed, run.rate)


def _end_epoch(run: Run, order: list[np.ndarray]) -> Iterator[Event]:
    """Scores the epoch, moves on to the next one, and saves if it is time."""
    drain(run, order)
    position, training = run.position, run.setup.training
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
