"""The page of `trimaran reproduce table-3`: the chapter's table beside what was measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from trimaran.report import measured
from trimaran.report.numbers import seconds
from trimaran.report.page import environment
from trimaran.report.svg import Series, line_chart

LEAST = 1e-30
"""Gradients below it are drawn there."""
FEW = 10
"""Points of a line, below which the lines' points stand beside each other."""
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Chart:
    """A titled picture."""

    title: str
    picture: Markup


def render(found: Mapping[str, Any]) -> str:
    """The page of what `trimaran reproduce table-3 --json` says, as text."""
    labels = found["labels"]
    return (
        environment()
        .get_template("table3.html")
        .render(
            found=found,
            labels=labels,
            legend=[(label, f"series-{i}") for i, label in enumerate(labels.values(), 1)],
            lengths=[_success(task, found) for task in found["tasks"]],
            gradients=[
                _gradient(found, "initial", "before training"),
                _gradient(found, "trained", "after training"),
            ],
            rates=[_rates(found, "solved"), _rates(found, "diverged")],
            show=measured,
            verdicts=measured.VERDICTS,
            share=share,
            power=power,
            duration=seconds,
        )
    )


def share(value: Row) -> Markup:
    """So many of so many runs, with the interval of their share below."""
    bounds = f"{100 * value['low']:.0f} to {100 * value['high']:.0f} %"
    return Markup("{} of {}<br><small>{}</small>").format(value["count"], value["runs"], bounds)


def power(value: Row) -> Markup:
    """A geometric mean with its interval below."""
    if not value["runs"]:
        return Markup("nothing finite")
    bounds = f"{value['low']:.1e} to {value['high']:.1e}"
    return Markup("{}<br><small>{}</small>").format(f"{value['mean']:.1e}", bounds)


def _chart(
    found: Row, title: str, x_label: str, points: Mapping[str, Sequence[Row]], log: bool = False
) -> Chart:
    """A line for each network, of points {x, mean, low, high}, their intervals as whiskers."""
    series: list[Series] = []
    for i, (cell, label) in enumerate(found["labels"].items()):
        own = points[cell]
        if not own:
            continue
        # A little apart, unless the points are many: whiskers would hide each other.
        apart = 0.012 * (own[-1]["x"] - own[0]["x"]) if len(own) < FEW else 0.0
        style, x = f"series-{i + 1}", tuple(one["x"] + apart * (i - 1) for one in own)
        series.append(Series(label, style, x, tuple(one["mean"] for one in own)))
        series += [
            Series(label, f"{style} whisk", (at, at), (one["low"], one["high"]))
            for at, one in zip(x, own, strict=True)
        ]
    picture = line_chart(series, title, x_label, log=log) if series else Markup("")
    return Chart(title, picture)


def _shares(rows: Sequence[Row], x: Callable[[Row], float], value: str = "") -> list[Row]:
    return [
        {"x": x(row), "mean": own["share"], "low": own["low"], "high": own["high"]}
        for row in rows
        for own in [row[value] if value else row]
    ]


def _success(task: Row, found: Row) -> Chart:
    """The share of the runs that solve a task, over its lengths."""
    points = {
        cell: _shares(
            [one for one in found["success"] if (one["task"], one["cell"]) == (task["name"], cell)],
            lambda one: float(one["length"]),
        )
        for cell in found["labels"]
    }
    return _chart(found, f"{task['name'].capitalize()}: share solved", task["counted"], points)


def _rates(found: Row, what: str) -> Chart:
    """The share of the runs that solve the task, or diverge, over the learning rates."""
    points = {
        cell: _shares(
            [one for one in found["rates"] if one["cell"] == cell],
            lambda one: math.log10(one["rate"]),
            "diverged" if what == "diverged" else "",
        )
        for cell in found["labels"]
    }
    return _chart(found, f"Share {what}", "power of ten of the learning rate", points)


def _gradient(found: Row, name: str, words: str) -> Chart:
    """|∂L/∂x_t| over the steps, on a logarithmic scale."""
    points = {
        cell: [
            {"x": float(one["step"]), **{k: max(one[k], LEAST) for k in ("mean", "low", "high")}}
            for one in curve
        ]
        for cell, curve in found["gradients"][name].items()
    }
    return _chart(found, f"Gradient by step, {words}", "step t of the sequence", points, log=True)
