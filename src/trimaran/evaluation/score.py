"""One score: a value with its interval, or the reason why it has none."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimaran.errors import DataError
from trimaran.evaluation.intervals import Interval

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """`value` with its 95 % interval; value, low and high are None where `reason` says why."""

    value: float | None
    low: float | None = None
    high: float | None = None
    method: str = ""
    reason: str = ""

    @classmethod
    def of(cls, value: float, interval: Interval) -> "Score":
        return cls(float(value), float(interval.low), float(interval.high), interval.method)

    @classmethod
    def undefined(cls, reason: str) -> "Score":
        return cls(None, reason=reason)

    def to_json(self) -> dict[str, Any]:
        bounds = {"value": self.value, "low": self.low, "high": self.high}
        return bounds | ({"reason": self.reason} if self.reason else {"method": self.method})


def metrics_json(metrics: Mapping[str, Score]) -> dict[str, Any]:
    return {name: score.to_json() for name, score in metrics.items()}


def scores_json(splits: Mapping[str, Any]) -> str:
    """The text of scores.json for split name -> ClassificationScores or ValueScores."""
    return json.dumps({"splits": {name: s.to_json() for name, s in splits.items()}}, indent=1)


def checked_weights(weights: NDArray[Any] | None, rows: int) -> Floats:
    """Sample weights as float64 (n,): ones where none are given; else finite, >= 0, not all 0."""
    if weights is None:
        return np.ones(rows)
    out = np.asarray(weights, dtype=np.float64)
    if out.shape != (rows,):
        raise DataError(f"Sample weights have shape {out.shape}, expected ({rows},): one per row.")
    if not np.isfinite(out).all() or out.min() < 0 or out.sum() == 0:
        raise DataError(
            "Sample weights must be finite, at least 0 and not all 0: correct the weight column."
        )
    return out


def require_finite(values: NDArray[Any], ids: NDArray[Any] | None, what: str) -> None:
    """Refuse the first row of (n, k) values that is not finite, naming it by its original id."""
    good = np.isfinite(values).all(axis=1)
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        name = row if ids is None else int(ids[row])
        raise DataError(
            f"{what} of row {name} is not finite ({values[row].tolist()}), and so are "
            f"{int((~good).sum())} of {len(values)} rows: check the input of that row, and "
            "whether training diverged."
        )
