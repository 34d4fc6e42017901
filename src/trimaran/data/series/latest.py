"""The last window of each series of new rows, from which a run forecasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trimaran.data.series.field import SeriesField
from trimaran.data.series.lines import Line, RawSeries
from trimaran.errors import DataError


@dataclass(frozen=True, eq=False)
class Latest:
    """The last window of each series: windows (series, length, channels), the keys, and the stamps
    (series, horizon) of the steps ahead, None where they are not known; `last` (series, targets)
    are the values before them, in the data's units."""

    windows: np.ndarray
    keys: tuple[str, ...]
    stamps: np.ndarray | None
    last: np.ndarray


def latest(field: SeriesField, raw: RawSeries) -> Latest:
    """What forecasts the steps behind the last known values of new rows.

    Rows at the end whose targets are all missing are the future, of which columns known ahead must
    be there.
    Raises `DataError` for a series that is too short or lacks what is known ahead.
    """
    found = [_last(field, line, raw) for line in raw.lines]
    windows = np.stack([window for window, _, _ in found]).astype(np.float32)
    ahead = None
    if field.step is not None:
        begins = np.array([stamp for _, stamp, _ in found])
        ahead = begins[:, None] + field.step * np.arange(1, field.settings.horizon + 1)
    last = np.stack([values for _, _, values in found])
    return Latest(windows, tuple(line.key for line in raw.lines), ahead, last)


def _last(field: SeriesField, line: Line, raw: RawSeries) -> tuple[np.ndarray, int, np.ndarray]:
    length, horizon = field.settings.length, field.settings.horizon
    seen = np.flatnonzero(np.isfinite(line.values[:, : field.targets]).any(axis=1))
    end = int(seen[-1]) + 1 if len(seen) else 0
    if end < length:
        raise DataError(
            f"{line.key} has {end} known steps, but a window takes {length}; give more of its past."
        )
    if field.known and len(line.values) < end + horizon:
        raise DataError(
            f"{line.key} ends {len(line.values) - end} steps after its last known target; give the "
            f"{horizon} rows of the future with {', '.join(field.columns[-field.known :])} and "
            "empty targets."
        )
    window = field.lay(line, raw).inputs[end - length : end]
    if not np.isfinite(window).all():
        raise DataError(
            f"{line.key} lacks values in the last {length} steps with none before to fill them; "
            "give more of its past."
        )
    known = line.values[:end, : field.targets]
    values = np.array([column[np.isfinite(column)][-1] for column in known.T])
    return window, int(line.stamps[end - 1]), values
