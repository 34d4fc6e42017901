"""The page of `trimaran compare frameworks`: every cell, and the chapter's table beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from trimaran.report import measured
from trimaran.report.numbers import metric_name
from trimaran.report.page import environment
from trimaran.report.svg import Series, line_chart

Curve = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class Chart:
    """A titled picture."""

    title: str
    picture: Markup


def render(found: Mapping[str, Any]) -> str:
    """The page of what `trimaran compare frameworks --json` says, as text."""
    labels = {name: own["label"] for name, own in found["backends"].items()}
    legend = [(label, f"series-{i}") for i, label in enumerate(labels.values(), 1)]
    return (
        environment()
        .get_template("frameworks.html")
        .render(
            found=found,
            labels=labels,
            legend=legend,
            charts=[_chart(name, labels, curves) for name, curves in found["curves"].items()],
            differences=[_difference(one, labels) for one in found["differences"]],
            kinds=_kinds(found),
            verdicts=measured.VERDICTS,
            show=measured,
            metric_name=metric_name,
        )
    )


def _chart(name: str, labels: Mapping[str, str], curves: Mapping[str, Curve]) -> Chart:
    """The means over the seeds, with their intervals as whiskers a little apart."""
    series: list[Series] = []
    metric = name.removeprefix("val_")
    for i, (backend, points) in enumerate(curves.items()):
        style, shift = f"series-{i + 1}", 0.07 * (i - 1)
        x = tuple(point["epoch"] + shift for point in points)
        series.append(Series(labels[backend], style, x, tuple(p["mean"] for p in points)))
        series += [
            Series(labels[backend], f"{style} whisk", (at, at), measured.ends(metric, point))
            for at, point in zip(x, points, strict=True)
        ]
    held = name.startswith("val_")
    title = metric_name(metric) + (", validation" if held else ", training")
    return Chart(title, line_chart(series, f"{title} over the epochs"))


def _difference(one: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """A pair's row; the times are compared as a ratio."""
    ratio = one["metric"] == "epoch_seconds"
    name = "Time of an epoch, log ratio" if ratio else metric_name(one["metric"])
    return {**one, "name": name, "pair": " − ".join(labels[each] for each in one["pair"])}


def _kinds(found: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Every kind of file that was tried, deployment first: (name, about) by its use."""
    kinds: dict[str, dict[str, str]] = {"deployment": {}, "visualization": {}}
    for own in found["backends"].values():
        for one in own["formats"]:
            kinds[one["of"]].setdefault(one["name"], one["about"])
    return {of: list(named.items()) for of, named in kinds.items()}
