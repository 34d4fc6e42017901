"""Learning curves from the events of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from trimaran.report.numbers import metric_name
from trimaran.report.svg import Series, line_chart

TRAIN, VALIDATION, OTHER = "series-1", "series-2", "series-3"


@dataclass(frozen=True)
class Chart:
    """A titled picture with its legend of (name, style)."""

    title: str
    picture: Markup
    legend: tuple[tuple[str, str], ...]


def charts(epochs: Sequence[Mapping[str, Any]], best_step: int | None = None) -> tuple[Chart, ...]:
    """Loss, each metric (training and validation together), learning rate and speed."""
    if not epochs:
        return ()
    rows = [_flat(event) for event in epochs]
    best = next((row["epoch"] for row in rows if row.get("step") == best_step), None)
    metrics = dict.fromkeys(
        name.removeprefix("val_") for event in epochs for name in event.get("metrics") or {}
    )
    names = list(dict.fromkeys(["loss", *metrics, "learning_rate", "examples_per_second"]))
    found = (_chart(name, rows, best if name in ("loss", *metrics) else None) for name in names)
    return tuple(chart for chart in found if chart is not None)


def _flat(event: Mapping[str, Any]) -> dict[str, Any]:
    return {**event, **(event.get("metrics") or {})}


def _chart(name: str, rows: Sequence[Mapping[str, Any]], best: float | None) -> Chart | None:
    alone = name in ("learning_rate", "examples_per_second")
    styles = [(name, "" if alone else "training", OTHER if alone else TRAIN)]
    styles.append((f"val_{name}", "validation", VALIDATION))
    series = tuple(
        one for key, label, style in styles if (one := _series(rows, key, label, style)) is not None
    )
    if not series:
        return None
    title = metric_name(name)
    legend = tuple((one.name, one.style) for one in series if one.name)
    return Chart(title, line_chart(series, f"{title} by epoch", mark=best), legend)


def _series(rows: Sequence[Mapping[str, Any]], key: str, label: str, style: str) -> Series | None:
    points = [(float(row["epoch"]), float(row[key])) for row in rows if _finite(row.get(key))]
    if not points:
        return None
    x, y = zip(*points, strict=True)
    return Series(label, style, x, y)


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and value == value and abs(value) != float("inf")
