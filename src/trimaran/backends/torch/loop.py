"""The training loop: three short levels, run, epoch and update, that yield events."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from trimaran.backends.torch.execution import check_possible, prepared
from trimaran.backends.torch.health import Watch, gradient_sizes
from trimaran.backends.torch.memory import Batch
from trimaran.backends.torch.optimizers import clip
from trimaran.backends.torch.resume import (
    Position,
    capture,
    check_identity,
    copy_of,
    identity,
    restore,
    stored_execution,
)
from trimaran.backends.torch.scoring import entry_of, score
from trimaran.backends.torch.setup import Setup, Splits, set_up
from trimaran.backends.torch.tally import Entry, Tally, names
from trimaran.errors import RunError, TrainingError
from trimaran.tasks.loss import Objective
from trimaran.training.checkpoint import Found, Place, newest, steps, write
from trimaran.training.events import (
    Epoch,
    Evaluated,
    Event,
    Health,
    Notice,
    Saved,
    Started,
    Step,
    Stopped,
)
from trimaran.training.execution import Execution
from trimaran.training.health import diagnose
from trimaran.training.interruption import Interruption
from trimaran.training.schedules import Horizon, ReduceOnPlateau, factor, plateau
from trimaran.training.settings import Training
from trimaran.training.stopping import enough, judge, oriented, watched

# Seconds between looks at the losses on the device, which is also the pace of `Step` events.
_LOOK = 0.1
# A checkpoint may take this part of the time.
_SAVING = 0.05


@dataclass
class Run:
    """The moving parts of one call of `fit`; the clocks are `time.monotonic()`."""

    setup: Setup
    horizon: Horizon
    place: Place | None
    identity: Mapping[str, object]
    interruption: Interruption
    began: float
    tally: Tally
    position: Position = field(default_factory=Position)
    rate: float = 0.0
    looked: float = 0.0
    seen: int = 0
    saved: float = 0.0
    saved_step: int = -1
    saving: float = 0.0
    scoring: float = 0.0
    warnings: dict[str, None] = field(default_factory=dict)

    def seconds(self) -> float:
        """Seconds of this run so far, over all its sessions."""
        return self.position.seconds + time.monotonic() - self.began


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
    found = _found(place)
    if found and place and not place.inexact:
        execution = stored_execution(found.checkpoint)
        check_possible(execution)
    with prepared(execution), Interruption() as interruption:
        began = time.monotonic()
        setup = set_up(network, objective, splits, training, execution)
        same = identity(training, splits["train"], place.identity if place else {})
        tally = Tally(setup.criterion)
        run = Run(setup, setup.horizon, place, same, interruption, began, tally)
        _check_monitors(run)
        yield from _begin(run, found)
        yield from _run(run)


def _found(place: Place | None) -> Found | None:
    if place is None:
        return None
    if place.resume:
        return newest(place.folder)
    if steps(place.folder):
        raise RunError(
            f"{place.folder} already holds the checkpoints of a run; resume that run, or give "
            f"the new one another folder."
        )
    return None


def _begin(run: Run, found: Found | None) -> Iterator[Event]:
    """Restores the state, if there is one, and announces the run."""
    if found and run.place:
        if not run.place.inexact:
            check_identity(found.checkpoint.state["identity"], run.identity)
        run.position = restore(found.checkpoint, run.setup.held, run.tally)
        run.saved_step = run.position.step
        _cut_back(run.place.events, found.checkpoint.state["events"])
    run.looked = run.saved = time.monotonic()
    yield Started(
        run.position.step,
        run.horizon.steps,
        run.setup.training.epochs,
        len(run.setup.train),
        sum(p.numel() for p in run.setup.held.update.parameters.values()),
        run.setup.execution.to_json(),
    )
    for text in found.notices if found else ():
        yield Notice(text)
    if run.place and run.place.resume and not found:
        yield Notice("The run was ended before its first checkpoint, so it starts again.")


def _cut_back(events: Path | None, length: int | None) -> None:
    """Takes away the events that happened after the checkpoint."""
    if events and length is not None and events.exists() and events.stat().st_size > length:
        os.truncate(events, length)


def _run(run: Run) -> Iterator[Event]:
    """Epochs until one of the reasons to stop; then the weights that are to be kept."""
    position, training = run.position, run.setup.training
    reason = position.finished
    while not reason and position.epoch < training.epochs:
        reason = yield from _epoch(run)
    if reason == "interrupted":
        yield from _save(run)
        yield Stopped(reason, position.step, position.best.step, _advice(run))
        return
    if run.saved_step != position.step:
        yield from _save(run)
    if reason == "time limit" and position.batch:
        yield from _judge(run)
    best_step = _keep_best(run)
    yield Stopped(reason or "finished", position.step, best_step)


def _advice(run: Run) -> str:
    if run.place is None:
        return "Nothing was saved, because the run was given no folder."
    return f"Go on with: trimaran train --resume {run.place.folder.parent}"


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
            reason = _reason(run)
            if position.batch < len(order) and reason:
                _drain(run, order)
                return reason
            if _save_is_due(run, now) and position.batch < len(order):
                _drain(run, order)
                yield from _save(run)
    yield from _end_epoch(run, order)
    return position.finished or _reason(run)


def _reason(run: Run) -> str:
    """Why to stop between two updates."""
    if run.interruption.asked:
        return "interrupted"
    limit = run.setup.training.time_limit
    if limit is None or run.seconds() + run.saving + _scoring_time(run) < float(limit):
        return ""
    return "time limit"


def _scoring_time(run: Run) -> float:
    """Seconds that scoring the validation split takes: as last time, or by the training's pace."""
    source, examples = run.setup.validation, run.tally.examples()
    if source is None or run.scoring or not examples:
        return run.scoring
    return run.position.epoch_seconds / examples * len(source)


def _update(run: Run, order: list[np.ndarray], batches: Iterator[Batch]) -> Iterator[Event]:
    """One update of the weights from the gradients of `accumulate` batches."""
    setup, position = run.setup, run.position
    training, held = setup.training, setup.held
    group = order[position.batch : position.batch + training.accumulate]
    totals = _totals(setup, group) if len(group) > 1 else None
    watch = None
    for batch in itertools.islice(batches, len(group)):
        if watch is None and _measures_health(run):
            watch = Watch(setup.network, batch.inputs)
        entry = _backward(setup, batch, _seed(run, batch.number), totals)
        run.tally.add(entry)
    if training.clip_norm is not None or training.clip_value is not None:
        clip(held.update.gradients(), training.clip_norm, training.clip_value)
    sizes = gradient_sizes(setup.network) if watch else {}
    run.rate = _rate(run)
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
    setup.criterion.mean(entry.sums, totals or entry.totals).backward()  # type: ignore[no-untyped-call]
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


def _seed(run: Run, batch: int) -> int:
    """A random-looking number for each batch of each epoch (the finalizer of SplitMix64)."""
    mask = (1 << 64) - 1
    number = (run.position.epoch << 32) + batch + 1
    z = (run.setup.training.seed + number * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return (z ^ (z >> 31)) >> 1


def _rate(run: Run) -> float:
    training, step = run.setup.training, run.position.step
    scale = factor(training.schedule, step, run.horizon) * run.position.plateau.cut
    return training.optimizer.learning_rate * scale


def _measures_health(run: Run) -> bool:
    """Twice an epoch and at the first update, but not more often than every 50 updates."""
    return run.position.step % max(50, -(-run.horizon.per_epoch // 2)) == 0


def _look(run: Run, order: list[np.ndarray], now: float) -> Iterator[Event]:
    """Reads the losses that wait on the device, and shows how it goes."""
    losses = _drain(run, order)
    done = run.tally.examples()
    speed = (done - run.seen) / max(now - run.looked, 1e-9)
    run.looked, run.seen = now, done
    if losses:
        mean = math.fsum(losses) / len(losses)
        position = run.position
        yield Step(position.step, position.epoch + 1, mean, done, speed, run.rate)


def _drain(run: Run, order: list[np.ndarray]) -> list[float]:
    """The losses of the batches since the last look; `TrainingError` at the first that is not
    finite."""
    found = run.tally.drain()
    for number, loss in found:
        if not math.isfinite(loss):
            raise TrainingError(_not_finite(run, order, number, loss))
    return [loss for _, loss in found]


def _not_finite(run: Run, order: list[np.ndarray], number: int, loss: float) -> str:
    training, position = run.setup.training, run.position
    step = position.epoch * run.horizon.per_epoch + number // training.accumulate + 1
    rows = run.setup.train.split.ids[order[number]].tolist()
    shown = ", ".join(map(str, rows[:8])) + (f" and {len(rows) - 8} more" if len(rows) > 8 else "")
    kept = steps(run.place.folder) if run.place else []
    saved = f"The checkpoint {kept[-1].name} is sound. " if kept else ""
    strange = run.setup.train.not_finite(order[number])
    cause = f"Row {strange} holds a value that is not finite: mend or drop it" if strange else ""
    advice = "Lower the learning rate, set clip_norm: 1, or look for extreme values in those rows"
    return (
        f"The loss became {loss} at step {step} (epoch {position.epoch + 1}) in a batch with the "
        f"rows {shown}. {saved}{cause or advice}."
    )


def _end_epoch(run: Run, order: list[np.ndarray]) -> Iterator[Event]:
    """Scores the epoch, moves on to the next one, and saves if it is time."""
    _drain(run, order)
    position, training = run.position, run.setup.training
    metrics = run.tally.metrics()
    examples, seconds = run.tally.examples(), position.epoch_seconds
    step, rate, warnings = position.step, run.rate, tuple(run.warnings)
    metrics |= yield from _judge(run)
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
    if (every and position.epoch % every == 0) or _save_is_due(run, run.looked):
        yield from _save(run)


def _judge(run: Run) -> Generator[Event, None, dict[str, float]]:
    """Scores the validation split with the weights to be kept, and remembers the best of them.

    Returns the figures under "val_*".
    """
    setup, averages = run.setup, run.setup.held.averages
    found: dict[str, float] = {}
    if averages:
        averages.swap()
    if setup.validation is not None:
        began = time.monotonic()
        size = setup.training.evaluate_batch_size
        found = score(setup.network, setup.outputs, setup.judge, setup.validation, size)
        run.scoring = time.monotonic() - began
    metrics = run.tally.metrics() | {f"val_{key}": value for key, value in found.items()}
    _remember(run, metrics)
    if averages:
        averages.swap()
    if found:
        yield Evaluated("validation", run.position.step, found)
    return {f"val_{key}": value for key, value in found.items()}


def _remember(run: Run, metrics: Mapping[str, float]) -> None:
    position, training = run.position, run.setup.training
    rule, schedule = training.early_stopping, training.schedule
    if rule:
        value = watched(metrics, rule.monitor)
        best = judge(rule, position.best, value, position.epoch + 1, position.step)
        if best.waited == 0 and rule.restore_best_weights:
            run.setup.held.best = copy_of(run.setup.network)
        position.best = best
    if isinstance(schedule, ReduceOnPlateau):
        value = oriented(schedule.monitor, watched(metrics, schedule.monitor))
        rate = training.optimizer.learning_rate
        position.plateau = plateau(schedule, position.plateau, value, rate)


def _check_monitors(run: Run) -> None:
    """Refuses a monitored figure that no epoch will have, before an epoch is spent."""
    training = run.setup.training
    known = names(run.setup.criterion)
    if run.setup.validation is not None:
        known += [f"val_{name}" for name in known]
    for user in (training.early_stopping, training.schedule):
        monitor = getattr(user, "monitor", None)
        if monitor is not None:
            watched(dict.fromkeys(known, 0.0), monitor)


def _keep_best(run: Run) -> int:
    """Leaves in the network what the run is to end with; returns the step that it is from."""
    held, position = run.setup.held, run.position
    if held.best:
        held.network.load_state_dict(held.best)
        return position.best.step
    if held.averages:
        held.averages.swap()
    return position.step


def _save_is_due(run: Run, now: float) -> bool:
    every = run.setup.training.checkpoint_seconds
    if run.place is None or every is None:
        return False
    return now - run.saved >= max(float(every), run.saving / _SAVING)


def _save(run: Run) -> Iterator[Event]:
    """Writes a checkpoint, if the run has a place for it."""
    if run.place is None:
        return
    began = time.monotonic()
    events = run.place.events
    rest = {
        "identity": dict(run.identity),
        "execution": run.setup.execution.to_json(),
        "events": events.stat().st_size if events and events.exists() else None,
    }
    position = run.position
    kept, position.seconds = position.seconds, run.seconds()
    try:
        checkpoint = capture(run.setup.held, position, run.tally, rest)
    finally:
        position.seconds = kept
    path = write(run.place.folder, checkpoint, run.setup.training.keep)
    run.saved = time.monotonic()
    run.saving, run.saved_step = run.saved - began, position.step
    yield Saved(str(path), position.step)
