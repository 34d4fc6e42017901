"""What a run forecasts for the steps behind the last rows of new series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from trimaran.backends.protocol import Network
from trimaran.data.batches import INPUT, OUTPUT
from trimaran.data.preprocess import Preprocess
from trimaran.data.series import stamps
from trimaran.data.series.field import SeriesField
from trimaran.data.series.latest import Latest, latest
from trimaran.data.series.target import Forecast
from trimaran.errors import DataError


@dataclass(frozen=True, eq=False)
class Forecasts:
    """A table of the steps ahead.

    values: (series, horizon, columns) the point forecasts, in the data's units
    levels: (series, horizon, columns, quantiles), the point forecast alone without quantiles
    times:  (series, horizon) how each step is written, or the numbers 1, 2, … where rows are
            counted
    prices: (series, horizon, columns) what returns make of the last value; None without returns
    past:   (series, length, columns) what the network read of the same columns
    before: (series, length) how each step of it is written; … -1, 0 where rows are counted
    """

    keys: tuple[str, ...]
    names: tuple[str, ...]
    times: tuple[tuple[str, ...], ...]
    values: np.ndarray
    levels: np.ndarray
    quantiles: tuple[float, ...]
    past: np.ndarray
    before: tuple[tuple[str, ...], ...]
    prices: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.values, dtype)

    def rows(self) -> list[dict[str, Any]]:
        """A flat mapping for each series and step, ready for CSV and JSON."""
        return [
            self._row(number, step)
            for number in range(len(self.keys))
            for step in range(self.values.shape[1])
        ]

    def _row(self, number: int, step: int) -> dict[str, Any]:
        row: dict[str, Any] = {"series": self.keys[number], "step": step + 1}
        row["time"] = self.times[number][step]
        for column, name in enumerate(self.names):
            row[name] = _short(self.values[number, step, column])
            for place, level in enumerate(self.quantiles):
                row[f"{name} q{level:g}"] = _short(self.levels[number, step, column, place])
            if self.prices is not None:
                row[f"{name} level"] = _short(self.prices[number, step, column])
        return row

    def __repr__(self) -> str:
        series, horizon, columns = self.values.shape
        return f"Forecasts({series} series, {horizon} steps of {columns} column(s))"


def _short(value: Any) -> float:
    return float(f"{float(value):.7g}")


def forecasts(network: Network, preprocess: Preprocess, inputs: Any) -> Forecasts:
    """The network's forecasts for the steps behind the last known rows.

    inputs: a file, a pandas or polars frame, or a mapping of columns, with the past of each series.
    Raises `DataError` for rows that the fitted preprocessing cannot take.
    """
    field, target = preprocess.inputs[INPUT], preprocess.outputs[OUTPUT]
    assert isinstance(field, SeriesField) and isinstance(target, Forecast)
    if isinstance(inputs, list):
        raise DataError("This run forecasts from one table at a time; give one file.")
    found = latest(field, field.read(inputs))
    given = target.decode(network.forward({INPUT: found.windows}).outputs[OUTPUT])
    values = target.point(given)
    columns = len(target.names)
    spread = target.levels(given)
    prices = found.last[:, None] * np.exp(np.cumsum(values, axis=1)) if target.returns else None
    past = target.decode_columns(found.windows[..., :columns])
    ahead, back = range(1, target.horizon + 1), range(1 - past.shape[1], 1)
    times, before = (_times(found, field, steps) for steps in (ahead, back))
    return Forecasts(
        found.keys, target.names, times, values, spread, target.quantiles, past, before, prices
    )


def _times(found: Latest, field: SeriesField, steps: range) -> tuple[tuple[str, ...], ...]:
    """How steps are written of which 1 is the first ahead, for each series."""
    if found.stamps is None or field.step is None:
        return (tuple(map(str, steps)),) * len(found.keys)
    return tuple(
        tuple(stamps.told(int(first) + field.step * (k - 1), field.dated) for k in steps)
        for first in found.stamps[:, 0]
    )
