"""What a forecast tells: the columns of the steps ahead, standardised, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Forecast:
    """Columns `names` of `horizon` steps: (value - center) / scale, as the training part has them.

    errors:    of each column, the mean absolute difference to a season before in the training part,
               in the data's units, which MASE divides by; None where it is 0 or unknown
    season:    steps of that season;  returns: the values are logarithms of v[t] / v[t-1]
    quantiles: levels, all columns at the first, then all at the next; () is one point forecast
    series:    how many series there are: row ids are the place of the first step ahead in time,
               times this, plus the number of the series
    keys:      what each of them is called; () in runs of before they were kept
    """

    names: tuple[str, ...]
    horizon: int
    center: tuple[float, ...]
    scale: tuple[float, ...]
    errors: tuple[float | None, ...]
    season: int
    returns: bool
    quantiles: tuple[float, ...]
    series: int
    keys: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Numbers of one step: columns, times the quantiles of each."""
        return len(self.names) * max(1, len(self.quantiles))

    def encode(self, values: np.ndarray, row: Any = None) -> np.ndarray:
        """(N, horizon, columns) in the data's units, standardised as float32."""
        return np.asarray((values - np.array(self.center)) / np.array(self.scale), np.float32)

    def decode(self, values: np.ndarray) -> np.ndarray:
        """(N, horizon, size) standardised, as float64 in the data's units."""
        each = max(1, len(self.quantiles))
        scale, center = np.tile(self.scale, each), np.tile(self.center, each)
        return np.asarray(np.asarray(values, np.float64) * scale + center)

    def decode_columns(self, values: np.ndarray) -> np.ndarray:
        """(..., columns) standardised, as float64 in the data's units."""
        found = np.asarray(values, np.float64) * np.array(self.scale) + np.array(self.center)
        return np.asarray(found)

    def point(self, values: np.ndarray) -> np.ndarray:
        """(N, horizon, columns): the point forecast, which is the median of the quantiles."""
        if not self.quantiles:
            return values
        return self.levels(values)[..., self.quantiles.index(0.5)]

    def levels(self, values: np.ndarray) -> np.ndarray:
        """(N, horizon, columns, levels) in rising order: quantiles that cross are put in order."""
        parts = np.split(values, max(1, len(self.quantiles)), axis=-1)
        return np.sort(np.stack(parts, axis=-1), axis=-1)

    def times(self, ids: np.ndarray) -> np.ndarray:
        """(N,) the place in time of each row's first step ahead."""
        return np.asarray(ids) // self.series

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "series",
            "names": list(self.names),
            "horizon": self.horizon,
            "center": list(self.center),
            "scale": list(self.scale),
            "errors": list(self.errors),
            "season": self.season,
            "returns": self.returns,
            "quantiles": list(self.quantiles),
            "series": self.series,
            "keys": list(self.keys),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Forecast:
        lists = ("names", "center", "scale", "errors", "quantiles", "keys")
        plain: dict[str, Any] = {
            k: tuple(v) if k in lists else v for k, v in value.items() if k != "kind"
        }
        return cls(**plain)


def mase_errors(goals: list[np.ndarray], season: int) -> tuple[float | None, ...]:
    """Of each column, the mean of |y[t] - y[t - season]| over the training part, all series
    together (Hyndman and Koehler, International Journal of Forecasting 22, 2006, eq. 6).

    goals: (n, columns) of each series, NaN where a value is missing.
    """
    moved = [np.abs(part[season:] - part[:-season]) for part in goals if len(part) > season]
    if not moved:
        return tuple([None] * int(goals[0].shape[1]))
    found: list[float | None] = []
    for column in np.concatenate(moved).T:
        seen = column[np.isfinite(column)]
        mean = float(seen.mean()) if len(seen) else 0.0
        found.append(mean if mean > 0 else None)
    return tuple(found)
