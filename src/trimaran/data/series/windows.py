"""Windows of series, split in time: the past goes in, the steps after it are to be told.

A window belongs to a split when all of its steps ahead lie there; its past may reach back into the
split before, for by then that is known. So nothing is trained on that stands at or after the first
step that validation or test forecast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trimaran.data.batches import INPUT, OUTPUT, Rows
from trimaran.data.series.field import Laid, SeriesField
from trimaran.data.series.lines import RawSeries
from trimaran.data.series.target import Forecast
from trimaran.data.splits import TEST, TRAIN, VALIDATION
from trimaran.data.targets import Target
from trimaran.errors import DataError


@dataclass(frozen=True, eq=False)
class Cut:
    """Where time is cut. `grid` (n,) are all stamps in order; `zones` split name -> (first, end) in
    it, of the steps that the split may forecast."""

    grid: np.ndarray
    zones: Mapping[str, tuple[int, int]]

    def end(self, name: str, stamps: np.ndarray) -> int:
        """How many of a series' stamps lie before the end of a split."""
        last = self.grid[self.zones[name][1] - 1]
        return int(stamps.searchsorted(last, side="right"))


def cut(raw: RawSeries, shares: tuple[float, float], gap: int) -> Cut:
    """The source's own parts, else the end of time for `shares` (validation, test) of it: first the
    test, then of the rest the validation. `gap` steps before each cut are forecast by nobody.

    Raises `DataError` where nothing is left to train on.
    """
    grid = np.unique(np.concatenate([line.stamps for line in raw.lines]))
    if raw.parts:
        first, second, end = np.cumsum(raw.parts).tolist()
    else:
        end = len(grid)
        second = end - round(end * shares[1])
        first = second - round(second * shares[0])
    ends = {TRAIN: (0, first), VALIDATION: (first, second), TEST: (second, end)}
    zones = {
        name: (start, stop - (gap if stop < end else 0))
        for name, (start, stop) in ends.items()
        if stop > start
    }
    if zones.get(TRAIN, (0, 0))[1] <= 0:
        raise DataError(f"{raw.name} has no time left to train on; lower data.test or the gap.")
    return Cut(grid[:end], zones)


def split_windows(
    laid: Sequence[Laid], field: SeriesField, target: Forecast, where: Cut
) -> tuple[dict[str, Rows], dict[str, int]]:
    """The windows of each split, and how many of each were left out for missing values.

    Raises `DataError` where a split has no window.
    """
    made, lost = {}, {}
    for name in where.zones:
        stride = field.settings.stride if name == TRAIN else 1
        found = [_origins(each, field, where, name, stride) for each in laid]
        sound = [_sound(each, origins, field) for each, origins in zip(laid, found, strict=True)]
        lost[name] = sum(map(len, found)) - sum(map(len, sound))
        if not sum(map(len, sound)):
            raise _none(field, name, lost[name])
        made[name] = _rows(laid, sound, field, target, where.grid)
    refuse_overlap(made, target)
    return made, lost


def _none(field: SeriesField, name: str, lost: int) -> DataError:
    length, horizon = field.settings.length, field.settings.horizon
    why = f"all {lost} of them hold missing values" if lost else "it is too short"
    return DataError(
        f"The {name} part has no window of {length} steps and {horizon} ahead: {why}; give a "
        "longer series, or a smaller data.series.length or horizon."
    )


def _origins(each: Laid, field: SeriesField, where: Cut, name: str, stride: int) -> np.ndarray:
    """Places of the first step ahead, of windows whose steps ahead lie in the split."""
    start = where.zones[name][0]
    length, horizon = field.settings.length, field.settings.horizon
    low = max(length, int(each.stamps.searchsorted(where.grid[start])))
    bound = where.end(name, each.stamps)
    return np.arange(low, bound - horizon + 1, stride)


def _sound(each: Laid, origins: np.ndarray, field: SeriesField) -> np.ndarray:
    """Those whose past is known and whose steps ahead are not missing."""
    length, horizon = field.settings.length, field.settings.horizon
    unknown = _running(~np.isfinite(each.inputs).all(axis=1))
    missing = _running(~np.isfinite(each.goals).all(axis=1))
    bad = (
        unknown[origins] - unknown[origins - length] + missing[origins + horizon] - missing[origins]
    )
    return np.asarray(origins[bad == 0])


def _running(flags: np.ndarray) -> np.ndarray:
    """How many are set before each place."""
    return np.concatenate([[0], np.cumsum(flags)])


def _rows(
    laid: Sequence[Laid],
    origins: Sequence[np.ndarray],
    field: SeriesField,
    target: Forecast,
    grid: np.ndarray,
) -> Rows:
    length, horizon = field.settings.length, field.settings.horizon
    inputs, goals, ids = [], [], []
    for number, (each, at) in enumerate(zip(laid, origins, strict=True)):
        if not len(at):
            continue
        past = each.inputs.astype(np.float32)
        inputs.append(_taken(past, at - length, length))
        goals.append(_taken(target.encode(each.goals), at, horizon))
        places = grid.searchsorted(each.stamps[at])
        ids.append(places * target.series + number)
    joined = [
        parts[0] if len(parts) == 1 else np.concatenate(parts) for parts in (inputs, goals, ids)
    ]
    return Rows({INPUT: joined[0]}, {OUTPUT: joined[1]}, None, joined[2].astype(np.int64))


def _taken(values: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """(len(starts), length, channels): a view where the starts are evenly spaced."""
    # Nobody writes to it; but PyTorch warns of arrays that cannot be written to.
    every = np.lib.stride_tricks.sliding_window_view(values, length, axis=0, writeable=True)
    every = every.swapaxes(1, 2)
    steps = np.unique(np.diff(starts))
    if len(steps) > 1:
        return np.asarray(every[starts])
    return every[starts[0] : starts[-1] + 1 : int(steps[0]) if len(steps) else 1]


def every_window(field: SeriesField, target: Target, given: Any) -> Rows:
    """All windows of new rows, with what came after each; see `SeriesField.read`. Their ids tell
    the time alone, for the table may hold more series than `target` counts.

    Raises `DataError` where there is none.
    """
    assert isinstance(target, Forecast)
    raw = field.read(given)
    counted = replace(target, series=len(raw.lines))
    grid = np.unique(np.concatenate([line.stamps for line in raw.lines]))
    laid = [field.lay(line, raw) for line in raw.lines]
    whole = Cut(grid, {TEST: (0, len(grid))})
    rows = split_windows(laid, field, counted, whole)[0][TEST]
    return replace(rows, ids=counted.times(rows.ids) * target.series)


def refuse_overlap(splits: Mapping[str, Rows], target: Forecast) -> None:
    """Hold that no split forecasts a step at or before the last one of a split before it.

    Raises `DataError`: the future would be learned by heart.
    """
    seen: tuple[str, int] | None = None
    for name in (TRAIN, VALIDATION, TEST):
        if name not in splits:
            continue
        times = target.times(splits[name].ids)
        if seen is not None and times.min() <= seen[1]:
            raise DataError(
                f"Windows of {name} forecast steps that {seen[0]} has learned from; split series "
                "in time, the latest steps for the test."
            )
        seen = name, int(times.max()) + target.horizon - 1
