"""The past of a series as a model's input: windows of standardised columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from trimaran.data.series import stamps
from trimaran.data.series.lines import (
    Frame,
    Line,
    RawSeries,
    raw_series,
    refuse_missing,
    time_column,
)
from trimaran.data.series.settings import SeriesSettings
from trimaran.errors import DataError


@dataclass(frozen=True, eq=False)
class Laid:
    """A series ready to be cut: its stamps (n,), inputs (n, channels) with NaN before anything is
    known, and goals (n, targets) in the data's units, NaN where they are missing."""

    key: str
    stamps: np.ndarray
    inputs: np.ndarray
    goals: np.ndarray


@dataclass(frozen=True)
class SeriesField:
    """Windows (length, channels): the targets, the other columns, and what is known ahead, which
    stands `horizon` steps early.

    columns: the channels' names;  targets, known: how many come first, and last
    step:    between stamps, None where rows are counted
    center, scale: of each channel, over the training part
    """

    settings: SeriesSettings
    columns: tuple[str, ...]
    targets: int
    known: int
    step: int | None
    dated: bool
    center: tuple[float, ...]
    scale: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.settings.length, len(self.center))

    @classmethod
    def fit(cls, raw: RawSeries, settings: SeriesSettings, train: list[int]) -> SeriesField:
        """Mean and deviation of what is known of each channel in the first `train` rows of each
        series; a calendar is left as it is."""
        parts = [
            _changed(line.values, raw, settings)[1][:end]
            for line, end in zip(raw.lines, train, strict=True)
        ]
        whole = np.concatenate(parts)
        empty = np.flatnonzero(~np.isfinite(whole).any(axis=0))
        if len(empty):
            raise DataError(
                f"{raw.name}: the column {raw.columns[int(empty[0])]!r} holds no value in the "
                "training part, so nothing can be learned of it; leave it out with data.drop."
            )
        center, deviation = np.nanmean(whole, axis=0), np.nanstd(whole, axis=0)
        # Rounding leaves a constant column a deviation of about 1e-17 of its size.
        scale = np.where(deviation > 1e-12 * np.abs(center), deviation, 1.0)
        scale = np.where(scale > 0, scale, 1.0)
        extra = _waves(raw.lines[0], raw.step, settings).shape[1]
        middle, wide = (*center.tolist(), *[0.0] * extra), (*scale.tolist(), *[1.0] * extra)
        return cls(settings, raw.columns, raw.targets, raw.known, raw.step, raw.dated, middle, wide)

    def lay(self, line: Line, raw: RawSeries) -> Laid:
        """One series with the fitted scaling."""
        filled, seen = _changed(line.values, raw, self.settings)
        waves = _waves(line, self.step, self.settings)
        known = filled[:, len(self.columns) - self.known :]
        past = filled[:, : len(self.columns) - self.known]
        inputs = np.concatenate([past, _early(known, self.settings.horizon), waves], axis=1)
        inputs = (inputs - np.array(self.center)) / np.array(self.scale)
        return Laid(line.key, line.stamps, inputs, seen[:, : self.targets])

    def read(self, given: Any) -> RawSeries:
        """New rows of the same columns and step.

        given: a file, a pandas or polars frame, or a mapping of columns.
        Raises `DataError` for what does not fit.
        """
        from trimaran.data.sources.series import as_frame

        found = as_frame(given)
        raw = raw_series(self._chosen(found), self._asked())
        if raw.columns != self.columns:
            raise DataError(
                f"{found.where} has the columns {', '.join(raw.columns)}, but this run learned "
                f"from {', '.join(self.columns)}; give those."
            )
        if raw.step != self.step:
            raise DataError(
                f"{found.where} has a row each {stamps.span(raw.step or 1, raw.dated)}, but this "
                f"run learned from a row each {stamps.span(self.step or 1, self.dated)}; average "
                "or fill the rows to that step."
            )
        if self.settings.fill == "refuse":
            refuse_missing(raw, future=True)
        return raw

    def _chosen(self, found: Frame) -> Frame:
        """The frame with its time and key, and the columns that the run learned from, in its order,
        which the file need not keep."""
        lacking = [name for name in self.columns if name not in found.frame.columns]
        if lacking:
            raise DataError(f"{found.where} lacks the column {lacking[0]!r} that this run reads.")
        own = {time_column(found, self.settings), self.settings.key} - {*self.columns}
        kept = [*(name for name in found.frame.columns if name in own), *self.columns]
        return Frame(found.name, found.frame[kept], found.where, found.first)

    def _asked(self) -> SeriesSettings:
        ahead = self.columns[len(self.columns) - self.known :]
        return replace(self.settings, targets=self.columns[: self.targets], known=ahead, keys=())

    def to_json(self) -> dict[str, Any]:
        return {"kind": "series", **asdict(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SeriesField:
        def tuples(values: Mapping[str, Any]) -> dict[str, Any]:
            return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}

        settings = SeriesSettings(**tuples(value["settings"]))
        rest = {k: v for k, v in value.items() if k not in ("kind", "settings")}
        return cls(settings, **tuples(rest))


def _changed(
    values: np.ndarray, raw: RawSeries, settings: SeriesSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Values with gaps filled by the last one known, and with gaps as NaN; both as returns where
    these are asked for."""
    filled = _forward(values)
    if not settings.returns:
        return filled, values
    moved = len(raw.columns) - raw.known
    known = values[:, :moved]
    if (known <= 0).any():
        bad = raw.columns[int(np.argwhere(known <= 0)[0, 1])]
        raise DataError(
            f"{raw.name}: {bad!r} holds a value of 0 or less, which has no logarithm; leave that "
            "column out with data.drop, or set data.series.returns=false."
        )
    made = [part.copy() for part in (filled, values)]
    for part in made:
        part[1:, :moved] = np.diff(np.log(part[:, :moved]), axis=0)
        part[0, :moved] = np.nan
    return made[0], made[1]


def _forward(values: np.ndarray) -> np.ndarray:
    """(n, columns) with each gap filled by the last value before it: what is known at the time."""
    seen = np.isfinite(values)
    if seen.all():
        return values
    last = np.maximum.accumulate(np.where(seen, np.arange(len(values))[:, None], -1), axis=0)
    filled = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    return np.where(last >= 0, filled, np.nan)


def _early(known: np.ndarray, horizon: int) -> np.ndarray:
    """Each row holds what will be known `horizon` steps later; NaN behind the end."""
    ahead = np.full_like(known, np.nan)
    ahead[: max(0, len(known) - horizon)] = known[horizon:]
    return ahead


def _waves(line: Line, step: int | None, settings: SeriesSettings) -> np.ndarray:
    """The calendar of the steps `horizon` ahead."""
    if not settings.calendar:
        return np.empty((len(line.stamps), 0))
    if step is None:
        raise DataError("A calendar needs times that are dates and keep a step; leave it out.")
    return stamps.calendar(line.stamps + settings.horizon * step, step)
