"""The validation split as judge: what is best so far, and what the run ends with."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping

from trimaran.training.events import Evaluated, Event
from trimaran.training.run import Run
from trimaran.training.schedules import ReduceOnPlateau, plateau
from trimaran.training.stopping import judge as judge_epoch
from trimaran.training.stopping import oriented, watched
from trimaran.training.tally import metrics as metrics_of
from trimaran.training.tally import names


def judge(run: Run) -> Generator[Event, None, dict[str, float]]:
    """Scores the validation split with the weights to be kept, and remembers the best of them.

    Returns the figures under "val_*".
    """
    found: dict[str, float] = {}
    if run.parts.validation is not None:
        began = time.monotonic()
        sums = run.engine.score(run.training.evaluate_batch_size)
        found = metrics_of(run.parts.objectives.judge, sums)
        run.scoring = time.monotonic() - began
    held_out = {f"val_{key}": value for key, value in found.items()}
    _remember(run, run.tally.metrics() | held_out)
    if found:
        yield Evaluated("validation", run.position.step, found)
    return held_out


def _remember(run: Run, metrics: Mapping[str, float]) -> None:
    position, training = run.position, run.training
    rule, schedule = training.early_stopping, training.schedule
    if rule:
        value = watched(metrics, rule.monitor)
        best = judge_epoch(rule, position.best, value, position.epoch + 1, position.step)
        if best.waited == 0 and rule.restore_best_weights:
            run.engine.keep()
        position.best = best
    if isinstance(schedule, ReduceOnPlateau):
        value = oriented(schedule.monitor, watched(metrics, schedule.monitor))
        rate = training.optimizer.learning_rate
        position.plateau = plateau(schedule, position.plateau, value, rate)


def check_monitors(run: Run) -> None:
    """Refuses a monitored figure that no epoch will have, before an epoch is spent."""
    known = names(run.parts.objectives.train)
    if run.parts.validation is not None:
        known += [f"val_{name}" for name in known]
    for user in (run.training.early_stopping, run.training.schedule):
        monitor = getattr(user, "monitor", None)
        if monitor is not None:
            watched(dict.fromkeys(known, 0.0), monitor)


def keep_best(run: Run) -> int:
    """Leaves in the network what the run is to end with; returns the step that it is from."""
    rule = run.training.early_stopping
    run.engine.finish()
    restored = rule is not None and rule.restore_best_weights and run.position.best.step
    return run.position.best.step if restored else run.position.step
