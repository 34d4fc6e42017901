"""Kinds of graph held against eager running: same answers? paid back after how many steps?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimaran.comparison.deviation import relative
from trimaran.comparison.student import spread
from trimaran.training.probe import Graph

TOLERANCE = 1e-5
"""Of float32 answers, as on the parity ladder: relative to the largest entry."""

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Measured:
    """One kind of graph in fresh processes: each one's answer, and the outputs of each."""

    backend: str
    graph: Graph
    answers: tuple[Mapping[str, Any], ...]
    outputs: tuple[Arrays, ...]

    @property
    def failed(self) -> str:
        """Why there is nothing to compare, or ""."""
        return next((str(a["failed"]) for a in self.answers if "failed" in a), "")


def deviation(found: Sequence[Arrays], truth: Arrays) -> float:
    """The largest relative deviation of any output of any process from the truth."""
    apart = [
        relative(outputs[name], values) if name in outputs else math.inf
        for outputs in found
        for name, values in truth.items()
    ]
    return max(apart, default=math.inf)


def row(one: Measured, eager: Measured, truth: Arrays) -> dict[str, Any]:
    """A line of the table. `truth` are the answers of the first backend's eager run.

    Times in seconds: `made` to make the graph, `compile` that and what first calls took beyond
    steady ones, `step` and `batch` of a steady call; each the median of the processes with their
    range. `pays` says after how many calls compiling has been paid back.
    """
    base: dict[str, Any] = {
        "backend": one.backend,
        "graph": one.graph.name,
        "about": one.graph.about,
        "failed": one.failed,
    }
    if one.failed:
        return base | {"ok": None}
    if eager.failed:
        return base | {
            "failed": f"there is no eager run to compare with: {eager.failed}",
            "ok": None,
        }
    own = deviation(one.outputs, eager.outputs[0])
    across = deviation(one.outputs, truth)
    losses = [a["loss"] for a in one.answers if "loss" in a]
    start = eager.answers[0].get("loss")
    loss = (
        max((abs(v - start) / (abs(start) or 1.0) for v in losses), default=0.0) if start else 0.0
    )
    found = base | {
        "deviation": own,
        "across": across,
        "loss_deviation": loss,
        "ok": max(own, across) <= TOLERANCE,
        "memory": _spread([a["memory"] for a in one.answers if a["memory"]]),
        "made": _spread([a["made"] for a in one.answers]),
    }
    return found | {name: _calls(one, eager, key) for name, key in CALLS.items()}


CALLS = {"step": "train", "batch": "infer"}
"""A training step, and a batch of inference, under their keys in an answer."""


def _calls(one: Measured, eager: Measured, key: str) -> dict[str, Any] | None:
    """The steady time, the time to compile, and the payback of one kind of call."""
    if any(key not in answer for answer in one.answers):
        return None
    steady = _spread([a[key]["steady"] for a in one.answers])
    compiled = _spread([a["made"] + a[key]["extra"] for a in one.answers])
    assert steady is not None and compiled is not None
    found: dict[str, Any] = {"steady": steady, "compile": compiled}
    if one.graph.name == eager.graph.name:
        return found | {"pays": None}
    base = _spread([a[key]["steady"] for a in eager.answers])
    first = _spread([a["made"] + a[key]["extra"] for a in eager.answers])
    assert base is not None and first is not None
    return found | {"pays": pays(found, {"steady": base, "compile": first})}


def pays(one: Mapping[str, Any], eager: Mapping[str, Any]) -> dict[str, Any]:
    """After how many calls a graph has made up for its compiling: of the medians, and at the best
    and the worst that the processes showed; None is never."""
    steps = {
        "median": payback(_at(one, "median"), _at(eager, "median")),
        "best": payback(_at(one, "low"), _at(eager, "high")),
        "worst": payback(_at(one, "high"), _at(eager, "low")),
    }
    faster = eager["steady"]["median"] / one["steady"]["median"]
    return {**steps, "faster": faster, "text": _words(steps, faster)}


def _at(found: Mapping[str, Any], where: str) -> tuple[float, float]:
    return found["compile"][where], found["steady"][where]


def payback(one: tuple[float, float], eager: tuple[float, float]) -> int | None:
    """The fewest calls n with compile + n steady <= the same of eager; None where there is none.

    Each is (seconds to compile, seconds of a steady call).
    """
    cost, gain = one[0] - eager[0], eager[1] - one[1]
    if cost <= 0:
        return 0 if gain >= 0 else None
    return math.ceil(cost / gain) if gain > 0 else None


def _words(steps: Mapping[str, int | None], faster: float) -> str:
    if steps["median"] is None:
        if steps["best"] is None:
            return f"never: a call takes {1 / faster:.2f} times as long"
        return f"not shown: {steps['best']} calls at the best, never by the medians"
    if len(set(steps.values())) == 1:  # one process has no range
        return f"{steps['median']:,} calls"
    worst = "never" if steps["worst"] is None else f"{steps['worst']:,}"
    return f"{steps['median']:,} calls ({steps['best'] or 0:,} to {worst})"


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    return dict(spread(values)) if values else None


def judge(rows: Sequence[Mapping[str, Any]]) -> tuple[bool, str]:
    """Whether all kinds that ran gave the same answers, and that as a sentence."""
    wrong = [one for one in rows if one["ok"] is False]
    if wrong:
        first = wrong[0]
        apart = max(first["deviation"], first["across"])
        return False, (
            f"Not the same answers: {first['graph']} on {first['backend']} departs by {apart:.2g}, "
            f"beyond {TOLERANCE:.0e}."
        )
    ran = [one for one in rows if one["ok"]]
    left = [one for one in rows if one["ok"] is None]
    rest = f" {len(left)} could not run here; the table says why." if left else ""
    return bool(ran), f"The same answers from {len(ran)} kinds of graph.{rest}"
