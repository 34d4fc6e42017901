"""Forecasts beside their baselines: the table, the verdict, errors by step, and examples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from trimaran.report.curves import Chart
from trimaran.report.numbers import metric, short
from trimaran.report.pictures import load_arrays
from trimaran.report.summary import SPLITS
from trimaran.report.svg import Series, line_chart

COLUMNS = {
    "mse_standardized": "MSE",
    "mae_standardized": "MAE",
    "mase": "MASE",
    "rmse": "RMSE",
    "smape": "sMAPE",
}
"""Metric → head of its column."""
STYLES = ("series-1", "series-2", "series-3", "series-4", "series-5")


def drawn(scores: Mapping[str, Any], folder: Path) -> dict[str, Any] | None:
    """What the page shows of forecasts, None where the run made none."""
    order = [name for name in SPLITS if name in scores]
    order += [name for name in scores if name not in SPLITS]
    found = [(name, scores[name]) for name in order if "verdict" in scores[name]]
    if not found:
        return None
    charts = [_by_step(name, values) for name, values in found[:1]]
    charts += _examples(load_arrays(folder / "forecasts.npz"))
    return {"splits": [_split(name, values) for name, values in found], "charts": charts}


def _split(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    everyone = {"network": values["metrics"], **values["baselines"]}
    return {
        "name": name,
        "verdict": values["verdict"],
        "heads": list(COLUMNS.values()),
        "rows": [
            {
                "name": who.replace("_", " "),
                "cells": [metric(key, metrics.get(key, {}).get("value")) for key in COLUMNS],
                "difference": _difference(values["against"].get(who), metrics),
            }
            for who, metrics in everyone.items()
        ],
    }


def _difference(found: Mapping[str, Any] | None, metrics: Mapping[str, Any]) -> str:
    if found is None:
        return str(metrics.get("mse_standardized", {}).get("reason", ""))
    if found["low"] is None:
        return short(found["difference"])
    bounds = f"{short(found['low'])} – {short(found['high'])}"
    return f"{short(found['difference'])} ({bounds}): {found['network']}"


def _by_step(name: str, values: Mapping[str, Any]) -> Chart:
    """Mean squared error by steps ahead, of each forecaster."""
    lines = tuple(
        Series(
            who.replace("_", " "), style, tuple(float(k + 1) for k in range(len(errors))),
            tuple(errors),
        )
        for (who, errors), style in zip(values["steps"].items(), STYLES, strict=False)
    )  # fmt: skip
    title = f"MSE by steps ahead, {name}"
    legend = tuple((line.name, line.style) for line in lines)
    return Chart(title, line_chart(lines, title, "steps ahead"), legend)


def _examples(arrays: Mapping[str, NDArray[Any]]) -> list[Chart]:
    if not arrays:
        return []
    columns, count = arrays["columns"].tolist(), len(arrays["past"])
    return [
        _example(arrays, number, place, str(column))
        for number in range(count)
        for place, column in enumerate(columns)
    ]


def _example(arrays: Mapping[str, NDArray[Any]], number: int, column: int, name: str) -> Chart:
    """A window's past, what came, and what was told; of quantiles the middle and the outer ones."""
    past, true = arrays["past"][number, :, column], arrays["true"][number, :, column]
    told, levels = arrays["told"][number, :, column], arrays["levels"].tolist()
    steps = tuple(float(k) for k in range(-len(past), len(true)))
    ahead = steps[len(past) :]
    middle = min(range(len(levels)), key=lambda k: abs(levels[k] - 0.5))
    lines = [Series("what came", STYLES[0], steps, (*past.tolist(), *true.tolist()))]
    lines.append(Series("forecast", STYLES[1], ahead, tuple(told[:, middle].tolist())))
    for place in sorted({0, len(levels) - 1} - {middle}):
        label = f"quantile {levels[place]:g}"
        lines.append(Series(label, STYLES[2], ahead, tuple(told[:, place].tolist())))
    whose = f"{arrays['keys'][number]}, " if "keys" in arrays else ""
    title = f"{whose}{name}, window {number + 1}"
    legend = tuple((line.name, line.style) for line in lines)
    return Chart(title, line_chart(lines, title, "steps from the forecast"), legend)
