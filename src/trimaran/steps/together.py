"""The runs of `reproduce table-3` together: shares with intervals, pairs, lines of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from trimaran.comparison.cells import CELLS, LABELS, TASKS, counted, network
from trimaran.comparison.stability import EQUAL, MAIN, RATES, Case, Trial, of, sign_test
from trimaran.comparison.student import METHOD, holm, spread
from trimaran.evaluation.intervals import wilson
from trimaran.steps import environment
from trimaran.steps.memory import Choice

PAIRS = (("lstm", "rnn"), ("gru", "rnn"), ("lstm", "gru"))


def share(hits: Sequence[bool]) -> dict[str, Any]:
    """How many of the runs, with Wilson's interval of their share."""
    part = sum(hits) / len(hits)
    bounds = wilson(part, len(hits))
    return {
        "count": sum(hits), "runs": len(hits), "share": part, "low": bounds.low,
        "high": bounds.high,
    }  # fmt: skip


def told(
    choice: Choice, trials: Sequence[Trial], seconds: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Everything but gradients and claims."""
    main = of(trials, {"part": MAIN})
    first, middle = at = choice.middle
    sweep = of([*main, *of(trials, {"part": RATES})], {"task": first, "length": middle})
    return {
        "table": "Table 3: Comparison of RNN Architectures",
        "labels": LABELS,
        "choice": asdict(choice),
        "look": choice.look,
        "tasks": [_task(name) for name in choice.only],
        "sweep": {"task": first, "length": middle},
        "cells": {
            cell: _cell(choice, of(main, {"cell": cell}), of(sweep, {"cell": cell}))
            | {"seconds_update": dict(seconds[cell])}
            for cell in CELLS
        },
        "success": _success(choice, main),
        "pairs": [*pairs(main, [None]), *pairs(main, choice.only)],
        "rates": _rates(choice, sweep),
        "equal": [
            {"cell": own[0].case.cell, "units": own[0].case.units, **_size(own[0].case),
             **solved(own)}
            for own in _equal(trials, *at)
        ],
        "trials": [trial.to_json() for trial in trials],
        "method": METHOD,
        "threads": 1,
        "versions": environment.versions(),
        "cpu": environment.cpu(),
    }  # fmt: skip


def _success(choice: Choice, main: Sequence[Trial]) -> list[dict[str, Any]]:
    """Per task, length and cell."""
    return [
        {"task": name, "length": length, "cell": cell, **solved(own)}
        for name in choice.only
        for length in TASKS[name].lengths
        for cell in CELLS
        if (own := of(main, {"cell": cell, "task": name, "length": length}))
    ]


def _rates(choice: Choice, sweep: Sequence[Trial]) -> list[dict[str, Any]]:
    """Per learning rate and cell."""
    return [
        {"rate": rate, "cell": cell, **solved(own), "diverged": diverged(own)}
        for rate in choice.rates
        for cell in CELLS
        if (own := of(sweep, {"cell": cell, "rate": rate}))
    ]


def _equal(trials: Sequence[Trial], task: str, length: int) -> list[list[Trial]]:
    """Per cell the runs with as many parameters as the LSTM's; the LSTM's own are among all."""
    wide = of(trials, {"part": EQUAL})
    wide += of(trials, {"part": MAIN, "cell": "lstm", "task": task, "length": length})
    return [own for cell in CELLS if (own := of(wide, {"cell": cell}))]


def _size(case: Case) -> dict[str, int]:
    return {"parameters": counted(network(case.cell, case.task, case.length, case.units)).trained}


def _task(name: str) -> dict[str, Any]:
    task = TASKS[name]
    return {
        "name": name, "lengths": list(task.lengths), "counted": task.counted, "rule": task.rule,
        "source": task.source,
    }  # fmt: skip


def solved(own: Sequence[Trial]) -> dict[str, Any]:
    """How many solved their task, with the updates that those took."""
    spent = [trial.updates for trial in own if trial.solved]
    taken = spread([float(n) for n in spent]) if spent else None
    return {**share([trial.solved for trial in own]), "updates": taken}


def diverged(own: Sequence[Trial]) -> dict[str, Any]:
    """How many diverged."""
    return share([trial.diverged for trial in own])


def _cell(choice: Choice, own: Sequence[Trial], sweep: Sequence[Trial]) -> dict[str, Any]:
    """A line of the table: its runs on the tasks, and those over the learning rates."""
    cell, first = own[0].case.cell, choice.only[0]
    by_task = {
        name: counted(network(cell, name, TASKS[name].lengths[0], choice.units)).to_json()
        for name in choice.only
    }
    sizes = {
        counted(network(cell, first, length, choice.units)).trained
        for length in TASKS[first].lengths
    }
    return {
        "label": LABELS[cell], "counts": by_task[first], "counts_by_task": by_task,
        "same_at_all_lengths": len(sizes) == 1, **solved(own),
        "diverged": diverged(sweep),
    }  # fmt: skip


def pairs(main: Sequence[Trial], tasks: Sequence[str | None]) -> list[dict[str, Any]]:
    """Every two cells on the runs that share task, length and seed, of each task (None is all of
    them), corrected together."""
    asked = [(pair, task) for task in tasks for pair in PAIRS]
    tests = [sign_test(*(_solved(main, cell, task) for cell in pair)) for pair, task in asked]
    corrected = holm([test["p"] for test in tests])
    return [
        {"pair": list(pair), "task": task, **test, "holm": p}
        for (pair, task), test, p in zip(asked, tests, corrected, strict=True)
    ]


def _solved(main: Sequence[Trial], cell: str, task: str | None) -> list[bool]:
    wanted = {"cell": cell} | ({"task": task} if task else {})
    return [trial.solved for trial in of(main, wanted)]
