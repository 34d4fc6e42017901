"""The validation split as judge: what is best so far, and what the run ends with."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping

from trimaran.backends.torch.resume import copy_of
from trimaran.backends.torch.run import Run
from trimaran.backends.torch.scoring import score
from trimaran.backends.torch.tally import names
from trimaran.training.events import Evaluated, Event
from trimaran.training.schedules import ReduceOnPlateau, plateau
from trimaran.training.stopping import judge as judge_epoch
from trimaran.training.stopping import oriented, watched


def judge(run: Run) -> Generator[Event, None, dict[str, float]]:
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
        best = judge_epoch(rule, position.best, value, position.epoch + 1, position.step)
        if best.waited == 0 and rule.restore_best_weights:
            run.setup.held.best = copy_of(run.setup.network)
        position.best = best
    if isinstance(schedule, ReduceOnPlateau):
        value = oriented(schedule.monitor, watched(metrics, schedule.monitor))
        rate = training.optimizer.learning_rate
        position.plateau = plateau(schedule, position.plateau, value, rate)


def check_monitors(run: Run) -> None:
    """Refuses a monitored figure that no epoch will have, before an epoch is spent."""
    training = run.setup.training
    known = names(run.setup.criterion)
    if run.setup.validation is not None:
        known += [f"val_{name}" for name in known]
    for user in (training.early_stopping, training.schedule):
        monitor = getattr(user, "monitor", None)
        if monitor is not None:
            watched(dict.fromkeys(known, 0.0), monitor)


def keep_best(run: Run) -> int:
    """Leaves in the network what the run is to end with; returns the step that it is from."""
    held, position = run.setup.held, run.position
    if held.best:
        held.network.load_state_dict(held.best)
        return position.best.step
    if held.averages:
        held.averages.swap()
    return position.step
