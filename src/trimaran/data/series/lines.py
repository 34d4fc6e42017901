"""A table as series: each in the order of its times, on its grid, with NaN for what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trimaran.data.series import grid, stamps
from trimaran.data.series.settings import ROWS, SeriesSettings
from trimaran.errors import DataError

TIMES = ("date", "time", "datetime", "timestamp", "ds", "date_time", "day", "month", "year")


@dataclass(frozen=True, eq=False)
class Frame:
    """A pandas frame with its name, where it is from, and the number of its first row there."""

    name: str
    frame: Any
    where: str = "the table"
    first: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    parts: tuple[int, ...] = ()

    def row(self, position: int) -> str:
        """How to name a row to its owner."""
        return f"{self.where} row {position + self.first}"


@dataclass(frozen=True, eq=False)
class Line:
    """One series: stamps (n,) int64 rising, values (n, columns) float64 with NaN for missing."""

    key: str
    stamps: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class RawSeries:
    """All series of a source.

    columns: names of the values' columns: targets, then other inputs, then those known ahead
    targets, known: how many of them are those;  step: between stamps, None where rows are counted
    parts: steps of training, validation and test, where the source is split already
    """

    name: str
    lines: tuple[Line, ...]
    columns: tuple[str, ...]
    targets: int
    known: int
    step: int | None
    dated: bool
    parts: tuple[int, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def raw_series(
    found: Frame, settings: SeriesSettings, drop: Sequence[str] = (), keep: Sequence[str] = ()
) -> RawSeries:
    """The series of a table, without the columns `drop`.

    keep: columns that must be there, for `refuse_future` spares them.
    Raises `DataError` naming the row for bad times, and the column for what is no number.
    """
    frame = found.frame
    if not len(frame):
        raise DataError(f"{found.where} has no row; give a series to learn from.")
    for setting, named in (("data.drop", drop), ("data.keep", keep)):
        for name in named:
            _present(found, name, setting)
    time = time_column(found, settings)
    keys, chosen = _keys(found, settings)
    names, told = _columns(found, settings, time, drop)
    values = np.stack([_numbers(found, name, settings.marks) for name in names], axis=1)
    times, dated = stamps.parse(frame[time], found.row)
    rows = [np.flatnonzero(keys == key) for key in chosen]
    pieces = [grid.Piece(str(k), times[r], values[r], r) for k, r in zip(chosen, rows, strict=True)]
    asked = stamps.width(settings.step, dated)
    made, step, more = grid.laid(pieces, asked, settings.step == ROWS, dated, found.row)
    count = len(settings.targets) or len(names) - len(settings.known)
    lines = tuple(Line(piece.key, piece.stamps, piece.values) for piece in made)
    facts = {**found.facts, **_facts(lines, names, step, dated)}
    notices = (*found.notices, *told, *more)
    return RawSeries(
        found.name, lines, names, count, len(settings.known), step, dated, found.parts, facts,
        notices,
    )  # fmt: skip


def refuse_missing(raw: RawSeries, future: bool = False) -> None:
    """Refuse the first missing value.

    future: rows at the end whose targets are all missing are the steps to forecast, and may stand;
            but what is known ahead must be there, for it goes in.
    """
    for line in raw.lines:
        bad = ~np.isfinite(line.values)
        if future:
            told = np.flatnonzero(~bad[:, : raw.targets].all(axis=1))
            end = int(told[-1]) + 1 if len(told) else 0
            bad[end:, : len(raw.columns) - raw.known] = False
        if bad.any():
            at, column = np.argwhere(bad)[0].tolist()
            raise DataError(
                f"{line.key} has no {raw.columns[column]!r} at "
                f"{stamps.told(int(line.stamps[at]), raw.dated)} ({int(bad.sum())} missing "
                "value(s)); fill them in, or set data.series.fill=forward to let the last known "
                "value stand for them."
            )


def time_column(found: Frame, settings: SeriesSettings) -> str:
    """The column of times.

    Raises `DataError` where it is not there, or none is called like one.
    """
    names = [str(name) for name in found.frame.columns]
    if settings.time is not None:
        return _present(found, settings.time, "data.series.time")
    guess = next((name for name in names if name.strip().lower() in TIMES), None)
    if guess is None:
        raise DataError(
            f"{found.where} has no column that is called like a time ({', '.join(names)}); name it "
            "with data.series.time=COLUMN."
        )
    return guess


def _present(found: Frame, name: str, setting: str) -> str:
    names = [str(each) for each in found.frame.columns]
    if name not in names:
        raise DataError(
            f"{found.where} has no column {name!r}, which {setting} names; it has "
            f"{', '.join(names)}."
        )
    return name


def _keys(found: Frame, settings: SeriesSettings) -> tuple[np.ndarray, list[str]]:
    """The key of every row, and the keys to use."""
    if settings.key is None:
        return np.full(len(found.frame), found.name), [found.name]
    column = found.frame[_present(found, settings.key, "data.series.key")]
    if column.isna().any():
        at = int(np.argmax(column.isna().to_numpy()))
        raise DataError(
            f"{found.row(at)} has no {settings.key}, so it belongs to no series; fill it in."
        )
    keys = column.astype(str).to_numpy(dtype=object)
    known = sorted(set(keys.tolist()))
    absent = [key for key in settings.keys if key not in known]
    if absent:
        raise DataError(
            f"{found.where} has no series {absent[0]!r}, which data.series.keys names; it has "
            f"{', '.join(known[:12])}{' and others' if len(known) > 12 else ''}."
        )
    return keys, list(settings.keys) or known


def _columns(
    found: Frame, settings: SeriesSettings, time: str, drop: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Targets, other inputs and known columns in this order, and what is not used."""
    import pandas as pd

    named = {"data.series.targets": settings.targets, "data.series.known": settings.known}
    for setting, names in named.items():
        for name in names:
            _present(found, name, setting)
    both = [name for name in settings.targets if name in settings.known]
    if both:
        raise DataError(f"The column {both[0]!r} is a target, so its future is not known ahead.")
    apart = {time, settings.key, *drop, *settings.known}
    rest = [str(name) for name in found.frame.columns if name not in apart]
    unused = [
        name for name in rest
        if not pd.api.types.is_numeric_dtype(found.frame[name].dtype)
        and name not in settings.targets
    ]  # fmt: skip
    others = [name for name in rest if name not in (*unused, *settings.targets)]
    targets = settings.targets or tuple(others)
    if not targets:
        raise DataError(f"{found.where} has no column of numbers beside its time; nothing to tell.")
    told = tuple(f"The column {name!r} is not used: it holds no numbers." for name in unused)
    return (*targets, *(others if settings.targets else ()), *settings.known), told


def _numbers(found: Frame, name: str, marks: Sequence[float]) -> np.ndarray:
    """A column as (N,) float64; missing, infinite and marked values are NaN."""
    import pandas as pd

    column = found.frame[name]
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    bad = np.isnan(values) & ~column.isna().to_numpy()
    if bad.any():
        at = int(np.argmax(bad))
        raise DataError(
            f"{found.row(at)}: {name!r} is {str(column.iloc[at])!r}, but a number is needed; "
            "correct it, or leave it empty if it is missing."
        )
    return np.where(np.isfinite(values) & ~np.isin(values, list(marks)), values, np.nan)


def _facts(
    lines: Sequence[Line], names: Sequence[str], step: int | None, dated: bool
) -> dict[str, Any]:
    first, last = min(x.stamps[0] for x in lines), max(x.stamps[-1] for x in lines)
    return {
        "series": len(lines),
        "columns": ", ".join(names),
        "step": "a row" if step is None else stamps.span(step, dated),
        "from": stamps.told(int(first), dated),
        "to": stamps.told(int(last), dated),
        "missing values": int(sum(np.isnan(x.values).sum() for x in lines)),
    }
