"""Columns that hold the future of a target: they would make a forecast look better than it is."""

from __future__ import annotations

import numpy as np

from trimaran.data.leaks import leak
from trimaran.data.series.lines import RawSeries
from trimaran.data.settings import DataSettings
from trimaran.errors import DataError

_MOST = 5000  # rows of the training part that are looked at


def refuse_future(raw: RawSeries, ends: list[int], settings: DataSettings) -> None:
    """Refuse a column that goes in and tells a target of a later step by a straight line, and one
    known ahead that tells it of the same step; `data.keep` names those to keep.

    ends: how many rows of each series train.
    Raises `DataError`: such a column is not known when a forecast is made.
    """
    number = max(range(len(ends)), key=lambda k: ends[k])
    values = raw.lines[number].values[: ends[number]][-_MOST:]
    others = range(raw.targets, len(raw.columns))
    for column in (k for k in others if raw.columns[k] not in settings.keep):
        ahead = column >= len(raw.columns) - raw.known
        lags = range(0 if ahead else 1, settings.series.horizon + 1)
        for goal in range(raw.targets):
            lag = _telling(values[:, column], values[:, goal], lags)
            if lag is not None:
                raise DataError(_told(raw.columns[column], raw.columns[goal], lag))


def _telling(column: np.ndarray, goal: np.ndarray, lags: range) -> int | None:
    """After how many steps the goal is what the column says."""
    size = len(goal)
    for lag in lags:
        if lag < size and leak(column[: size - lag], goal[lag:], "regress") == "equals":
            return lag
    return None


def _told(column: str, goal: str, lag: int) -> str:
    when = "at the same step" if lag == 0 else f"{lag} step{'s' if lag > 1 else ''} later"
    return (
        f"The column {column!r} gives the future away: it says exactly what {goal!r} is {when}, "
        f"which nobody knows when the forecast is made; leave it out with data.drop={column}, or "
        f"keep it with data.keep={column} if it is truly known by then."
    )
