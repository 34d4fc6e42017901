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


@dataclass(frozen=True)
class Picture:
    """A titled picture with its legend of (name, style)."""

    title: str
    picture: Markup
    legend: tuple[tuple[str, str], ...]
    note: str


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
        if rung["curve"]:
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
    series = [_series(name, i, values) for i, (name, values) in enumerate(runs.items())]
    return _picture(f"Loss of the free run ({where})", series, "")


def _deviations(rungs: Sequence[Mapping[str, Any]], title: str) -> Picture:
    series = [
        _series(rung["backends"][1], i + 1, [max(v, _NOTHING) for v in rung["curve"]])
        for i, rung in enumerate(rungs)
    ]
    return _picture(title, series, rungs[0]["note"])


def _series(name: str, number: int, values: Sequence[float]) -> Series:
    steps = tuple(float(step) for step in range(1, len(values) + 1))
    return Series(name, _STYLES[number % len(_STYLES)], steps, tuple(values))


def _picture(title: str, series: Sequence[Series], note: str) -> Picture:
    legend = tuple((one.name, one.style) for one in series)
    return Picture(title, line_chart(series, title, "update"), legend, note)
