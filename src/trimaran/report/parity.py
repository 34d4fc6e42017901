"""The page of a parity ladder: the table of rungs, and the long rungs as curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from trimaran.report.page import environment
from trimaran.report.svg import Series, line_chart

# A curve of exact zeros has no place on a logarithmic scale.
_NOTHING = 1e-18
_STYLES = ("series-1", "series-2", "series-3", "series-4")
_OVERLAID = ("broad", "", "dashed", "")
"""Equal curves lie on each other; so each shows beside the one above it."""


@dataclass(frozen=True)
class Picture:
    """A titled picture with its legend of (name, style)."""

    title: str
    picture: Markup
    legend: tuple[tuple[str, str], ...]


def render(found: Mapping[str, Any]) -> str:
    """The page of what `trimaran parity --json` says, as text."""
    rungs = found["rungs"]
    return (
        environment()
        .get_template("parity.html")
        .render(found=found, tables=_tables(rungs), pictures=_pictures(rungs))
    )


def _tables(rungs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One table for each optimizer, precision and pair."""
    tables: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for rung in rungs:
        key = (rung["optimizer"], rung["precision"], *rung["backends"])
        tables.setdefault(key, []).append(rung)
    return [
        {"optimizer": o, "precision": p, "pair": f"{a} and {b}", "rungs": rows}
        for (o, p, a, b), rows in tables.items()
    ]


def _pictures(rungs: Sequence[Mapping[str, Any]]) -> list[Picture]:
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for rung in rungs:
        if any(value is not None for value in rung["curve"]):
            groups.setdefault((rung["optimizer"], rung["precision"]), []).append(rung)
    found = []
    for (optimizer, precision), rows in groups.items():
        where = f"{optimizer}, {precision}"
        free = [rung for rung in rows if rung["losses"]]
        if free:
            found.append(_losses(free, where))
        for name in dict.fromkeys(rung["name"] for rung in rows):
            own = [rung for rung in rows if rung["name"] == name]
            found.append(_deviations(own, f"{name.capitalize()} ({where})"))
    return found


def _losses(rungs: Sequence[Mapping[str, Any]], where: str) -> Picture:
    """The losses of every backend's own run, laid over each other."""
    runs = {rungs[0]["backends"][0]: rungs[0]["losses"][0]}
    runs |= {rung["backends"][1]: rung["losses"][1] for rung in rungs}
    series = [
        _series(name, i, dict(enumerate(values, 1)), _OVERLAID[i % len(_OVERLAID)])
        for i, (name, values) in enumerate(runs.items())
    ]
    return _picture(f"Loss of the free run ({where})", series, None)


def _deviations(rungs: Sequence[Mapping[str, Any]], title: str) -> Picture:
    """The deviation after each update that was looked at, on a logarithmic scale."""
    series = []
    for i, rung in enumerate(rungs, 1):
        steps = rung["steps"] or range(1, len(rung["curve"]) + 1)
        points = dict(zip(steps, rung["curve"], strict=True))
        shown = {step: v if v is None else max(v, _NOTHING) for step, v in points.items()}
        series.append(_series(rung["backends"][1], i, shown, ""))
    return _picture(title, series, max(rung["tolerance"] for rung in rungs))


def _series(name: str, number: int, points: Mapping[int, float | None], how: str) -> Series:
    """The values that are finite, at their steps."""
    found = {float(step): v for step, v in points.items() if v is not None}
    style = f"{_STYLES[number % len(_STYLES)]} {how}".strip()
    return Series(name, style, tuple(found), tuple(found.values()))


def _picture(title: str, series: Sequence[Series], bound: float | None) -> Picture:
    drawn = [one for one in series if one.y]
    legend = tuple((one.name, one.style) for one in series)
    picture = line_chart(drawn, title, "update", bound=bound) if drawn else Markup("")
    return Picture(title, picture, legend)
