"""The story of `trimaran reproduce table-3`: every cell of the chapter's table, measured."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimaran.comparison.cells import CELLS, TASKS, counted, network, widest
from trimaran.comparison.claims import judged
from trimaran.comparison.claims_table3 import CLAIMS
from trimaran.comparison.stability import (
    EQUAL,
    MAIN,
    RATES,
    Case,
    Trial,
    curve,
    geometric,
    through_time,
)
from trimaran.data.memory import memory_rows
from trimaran.steps.implementation import implementation
from trimaran.steps.memory import BACKEND, Choice, Weights, times, train
from trimaran.steps.together import told
from trimaran.training.events import Notice
from trimaran.weights import draw

ROWS = 64
"""Of the batch whose gradients are followed through time."""


@dataclass(frozen=True)
class Planned:
    """How many runs there will be, and seconds that they take at most: nets that solve their task
    are done before."""

    runs: int
    seconds: float


@dataclass(frozen=True)
class Made:
    """A run is done."""

    number: int
    trial: Trial


@dataclass(frozen=True)
class Found:
    """The last event: what `reproduce table-3 --json` prints."""

    value: dict[str, Any]


Event = Notice | Planned | Made | Found


def cases(choice: Choice) -> list[Case]:
    """Every run: the tasks; the first task's middle length with the other learning rates, and with
    as many parameters as the LSTM has."""
    seeds = range(choice.seed, choice.seed + choice.seeds)
    first, middle = choice.middle
    budget = counted(network("lstm", first, middle, choice.units)).trained
    wide = {cell: widest(cell, first, middle, budget) for cell in CELLS if cell != "lstm"}
    main = [
        Case(MAIN, cell, name, length, choice.units, choice.rate, seed)
        for name in choice.only
        for length in TASKS[name].lengths
        for seed in seeds
        for cell in CELLS
    ]
    others = [rate for rate in choice.rates if rate != choice.rate]
    rates = [
        Case(RATES, cell, first, middle, choice.units, rate, seed)
        for rate in others
        for seed in seeds
        for cell in CELLS
    ]
    equal = [
        Case(EQUAL, cell, first, middle, units, choice.rate, seed)
        for seed in seeds
        for cell, units in wide.items()
    ]
    return [*main, *rates, *equal]


def study(choice: Choice) -> Iterator[Event]:
    """Time, train, follow the gradients, judge.

    Raises:
        KeyboardInterrupt: the user asked to stop.
    """
    began, planned = time.monotonic(), cases(choice)
    first, lengths = choice.only[0], TASKS[choice.only[0]].lengths
    yield Notice("timing an update of each network")
    seconds = times(choice, first, (lengths[0], lengths[-1]))
    yield Planned(len(planned), sum(_most(case, choice, seconds) for case in planned))
    trials, weights = list[Trial](), dict[Case, Weights]()
    for number, case in enumerate(planned, 1):
        trial, arrays = train(case, choice)
        trials.append(trial)
        if (case.part, case.task, case.length) == (MAIN, first, lengths[-1]):
            weights[case] = arrays
        yield Made(number, trial)
    found = told(choice, trials, seconds) | {"gradients": gradients(weights)}
    found["claims"] = judged(found, CLAIMS)
    yield Found(found | {"seconds": time.monotonic() - began})


def _most(case: Case, choice: Choice, seconds: Mapping[str, Mapping[str, Any]]) -> float:
    """Seconds of a run that uses its whole budget: an update's time grows evenly with the steps."""
    first = choice.only[0]
    a, b = (_steps(first, TASKS[first].lengths[at]) for at in (0, -1))
    short, long = (seconds[case.cell][name]["median"] for name in ("short", "long"))
    steps = _steps(case.task, case.length)
    update = short + (steps - a) * max(long - short, 0.0) / (b - a)
    return float(choice.looks * choice.look * max(update, short / 2))


def _steps(task: str, length: int) -> int:
    return int(network("rnn", task, length, 1).inputs[0].shape[0] or 0)


def gradients(weights: Mapping[Case, Weights]) -> dict[str, Any]:
    """|∂L/∂x_t| over the steps before training and after it, per cell over the seeds, on rows that
    are drawn for each seed; and the first step's part of the last one's."""
    found: dict[str, Any] = {"initial": {}, "trained": {}, "ratio": {"initial": {}, "trained": {}}}
    one = next(iter(weights))
    for cell in CELLS:
        own = {case: arrays for case, arrays in weights.items() if case.cell == cell}
        drawn = {case: draw(_model(case), case.seed, np.float64) for case in own}
        for name, arrays in (("initial", drawn), ("trained", own)):
            norms = [norm for case, given in arrays.items() if (norm := _norms(case, given))]
            found[name][cell] = curve(norms)
            found["ratio"][name][cell] = _ratio(norms)
    return found | {"task": one.task, "length": one.length, "rows": ROWS}


def _ratio(norms: Sequence[Sequence[float]]) -> dict[str, Any]:
    """First over last step, where a finite gradient is left in some run."""
    known = [norm[0] / max(norm[-1], 1e-308) for norm in norms]
    return {**geometric(known), "runs": len(known)} if known else {"runs": 0}


def _model(case: Case) -> Any:
    return network(case.cell, case.task, case.length, case.units)


def _norms(case: Case, weights: Weights) -> tuple[float, ...]:
    """In float64; none where the weights, or what comes of them, are no finite numbers."""
    if not all(np.isfinite(array).all() for array in weights.values()):
        return ()
    built = implementation(BACKEND).backend.build(_model(case), weights, "float64")
    rows = memory_rows(case.task, ROWS, case.length, case.seed, 1)
    norms = through_time(built, rows, TASKS[case.task].objective)
    return norms if np.isfinite(norms).all() else ()
