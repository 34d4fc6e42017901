"""What `reproduce table-3` could have measured: planted runs, for tests of what comes after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trimaran.comparison.cells import CELLS, TASKS
from trimaran.comparison.claims import judged
from trimaran.comparison.claims_table3 import CLAIMS
from trimaran.comparison.stability import Case, Trial, curve, geometric
from trimaran.comparison.student import spread
from trimaran.steps.memory import Choice
from trimaran.steps.table3 import cases
from trimaran.steps.together import told

CHOICE = Choice(seeds=3, units=8, updates=200)
Solves = Callable[[Case], bool]
FADES = {"rnn": 0.5, "lstm": 0.99, "gru": 0.9}
"""By how much the gradient shrinks at each step back."""


def ranked(case: Case) -> bool:
    """The LSTM solves all three lengths, the GRU two of them, the RNN the shortest."""
    solved = {"lstm": 3, "gru": 2, "rnn": 1}[case.cell]
    return case.length in TASKS[case.task].lengths[:solved]


def trial(case: Case, solves: Solves) -> Trial:
    """A run that solves its task after one look, or diverges where its learning rate is 10."""
    after = 2.0 if case.rate == 10.0 else 0.1
    done = solves(case) and after < 1
    return Trial(case, 100 if done else 200, done, after, 1.0, after)


def gradients() -> dict[str, Any]:
    norms = {
        cell: [[fade ** (20 - t) * (1 + 0.1 * run) for t in range(1, 21)] for run in range(3)]
        for cell, fade in FADES.items()
    }
    curves = {cell: curve(own) for cell, own in norms.items()}
    ratio = {
        cell: {**geometric([(1 + 0.1 * run) * one[0] / one[-1] for run, one in enumerate(own)]),
               "runs": 3}
        for cell, own in norms.items()
    }  # fmt: skip
    return {
        "task": "adding", "length": 20, "rows": 64, "initial": curves, "trained": dict(curves),
        "ratio": {"initial": ratio, "trained": dict(ratio)},
    }  # fmt: skip


def measured(solves: Solves = ranked, choice: Choice = CHOICE) -> dict[str, Any]:
    """All of it, as `--json` prints it."""
    trials = [trial(case, solves) for case in cases(choice)]
    seconds = {
        cell: {"short": spread([0.001 * i, 0.002 * i]), "long": spread([0.004 * i, 0.005 * i])}
        for i, cell in enumerate(CELLS, 1)
    }
    found = told(choice, trials, seconds) | {"gradients": gradients(), "seconds": 100.0}
    return found | {"claims": judged(found, CLAIMS)}
