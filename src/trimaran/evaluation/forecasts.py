"""Scores of forecasts on one split, beside those of baselines, over rolling origins.

An origin is a time from which the next steps are told. Neighbouring origins share most of those
steps, so their errors go together: every interval is made of the means per origin, with the
standard error of Newey and West (Econometrica 55, 1987), whose lags reach over twice the horizon.
A network beats a baseline where the mean difference of their squared errors, both standardised, is
below 0 with its whole 95 % interval (Diebold and Mariano, J. Business & Economic Statistics 13,
1995).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimaran.errors import DataError
from trimaran.evaluation.intervals import Interval, Z
from trimaran.evaluation.score import Score, metrics_json

Floats = NDArray[np.float64]
METHOD = "Newey-West over origins"


@dataclass(frozen=True, eq=False)
class Truth:
    """What came: values (n, horizon, columns) in the data's units.

    origins: (n,) the place in time from which each was told
    scale:   (columns,) what one standard deviation of the training part is
    errors:  of each column, the mean absolute error that MASE divides by, or None
    season:  the season of that error, in steps
    """

    values: Floats
    origins: NDArray[np.int64]
    scale: Floats
    errors: tuple[float | None, ...]
    names: tuple[str, ...]
    season: int


@dataclass(frozen=True)
class ForecastScores:
    """What scores.json holds for one split: `n` windows of `horizon` steps.

    baselines: name -> metrics;  against: name -> how the network stands to it
    steps:     forecaster -> mean squared error, standardised, of each step ahead
    """

    n: int
    horizon: int
    columns: tuple[str, ...]
    season: int
    metrics: dict[str, Score]
    baselines: dict[str, dict[str, Score]]
    against: dict[str, dict[str, Any]]
    steps: dict[str, list[float]]
    verdict: str

    def to_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "horizon": self.horizon,
            "columns": list(self.columns),
            "season": self.season,
            "metrics": metrics_json(self.metrics),
            "baselines": {name: metrics_json(found) for name, found in self.baselines.items()},
            "against": self.against,
            "steps": self.steps,
            "verdict": self.verdict,
        }


def score_forecasts(
    truth: Truth,
    told: Floats,
    baselines: Mapping[str, Floats | str],
    quantiles: Mapping[float, Floats] | None = None,
) -> ForecastScores:
    """Score a network's forecasts (n, horizon, columns) in the data's units.

    baselines: name -> forecasts of the same shape, or the reason why there are none
    quantiles: level -> forecasts of that quantile
    Raises DataError for forecasts that are not finite.
    """
    if told.shape != truth.values.shape or not len(told):
        raise DataError(
            f"Forecasts of shape {told.shape} cannot be scored against {truth.values.shape}."
        )
    if not np.isfinite(told).all():
        raise DataError("A forecast is not finite: did training diverge?")
    given = {name: values for name, values in baselines.items() if not isinstance(values, str)}
    squares = {"network": _squares(truth, told)}
    squares |= {name: _squares(truth, values) for name, values in given.items()}
    against = {name: _against(truth, squares["network"], squares[name]) for name in given}
    missing = {name: why for name, why in baselines.items() if isinstance(why, str)}
    return ForecastScores(
        n=len(told),
        horizon=told.shape[1],
        columns=truth.names,
        season=truth.season,
        metrics=_metrics(truth, told) | _spread(truth, quantiles or {}),
        baselines={name: _metrics(truth, values) for name, values in given.items()}
        | {name: {"mse_standardized": Score.undefined(why)} for name, why in missing.items()},
        against=against,
        steps={name: square.mean(axis=(0, 2)).tolist() for name, square in squares.items()},
        verdict=_verdict(against),
    )


def _metrics(truth: Truth, told: Floats) -> dict[str, Score]:
    """Each is a mean over windows, steps and columns; RMSE is the root of that of all."""
    error = np.abs(told - truth.values)
    size = np.abs(told) + np.abs(truth.values)
    percent = np.divide(200 * error, size, out=np.zeros_like(error), where=size > 0)
    square = _mean(truth, error**2)
    return {
        "mase": _mase(truth, error),
        "mse_standardized": _mean(truth, (error / truth.scale) ** 2),
        "mae_standardized": _mean(truth, error / truth.scale),
        "mae": _mean(truth, error),
        "rmse": _root(square),
        "mse": square,
        "smape": _mean(truth, percent),
    }


def _mase(truth: Truth, error: Floats) -> Score:
    """The mean absolute error over that of a season before, in the training part."""
    if None in truth.errors:
        return Score.undefined("a column did not change over a season of the training part")
    return _mean(truth, error / np.array(truth.errors, np.float64))


def _root(square: Score) -> Score:
    parts = [float(np.sqrt(v)) for v in (square.value, square.low, square.high) if v is not None]
    return Score.of(parts[0], Interval(parts[1], parts[2], square.method))


def _spread(truth: Truth, quantiles: Mapping[float, Floats]) -> dict[str, Score]:
    """The pinball loss, standardised, over all levels (Koenker and Bassett, Econometrica 46, 1978),
    and how often the truth lies between the outer ones."""
    if not quantiles:
        return {}
    losses = [pinball(truth.values, told, level) / truth.scale for level, told in quantiles.items()]
    found = {"pinball_standardized": _mean(truth, np.mean(losses, axis=0))}
    low, high = min(quantiles), max(quantiles)
    if low < high:
        inside = (truth.values >= quantiles[low]) & (truth.values <= quantiles[high])
        found[f"coverage_{100 * (high - low):.0f}"] = _mean(truth, inside.astype(float))
    return found


def pinball(true: Floats, told: Floats, level: float) -> Floats:
    """level * (y - q) above the quantile q, (1 - level) * (q - y) below."""
    over = true - told
    return np.maximum(level * over, (level - 1) * over)


def _squares(truth: Truth, told: Floats) -> Floats:
    return np.asarray(((told - truth.values) / truth.scale) ** 2)


def _mean(truth: Truth, values: Floats) -> Score:
    """The mean of (n, horizon, columns) with its interval; not below 0."""
    value, half, origins = _estimate(truth, values)
    if origins < 2:
        return Score(value, value, value, "one origin says nothing")
    return Score.of(value, Interval(max(0.0, value - half), value + half, METHOD))


def _estimate(truth: Truth, values: Floats) -> tuple[float, float, int]:
    """The mean, half the length of its interval, and the number of origins."""
    by_window = values.mean(axis=(1, 2))
    places, at = np.unique(truth.origins, return_inverse=True)
    counts = np.bincount(at)
    value = float(by_window.mean())
    share = np.bincount(at, by_window - value) / len(by_window)  # of each origin in the mean
    lags = min(2 * values.shape[1], len(places) - 1)
    return value, Z * float(np.sqrt(long_run(share, lags))), len(counts)


def long_run(parts: Floats, lags: int) -> float:
    """The variance of the sum of `parts`, in their order, that are related over some lags: Bartlett
    weights, which never give less than 0 (Newey and West 1987, eq. 5)."""
    total = float(parts @ parts)
    for lag in range(1, lags + 1):
        total += 2 * (1 - lag / (lags + 1)) * float(parts[lag:] @ parts[:-lag])
    return max(total, 0.0)


def _against(truth: Truth, network: Floats, baseline: Floats) -> dict[str, Any]:
    """The mean difference of standardised squared errors, below 0 where the network is better."""
    value, half, origins = _estimate(truth, network - baseline)
    low, high = (value - half, value + half) if origins > 1 else (-np.inf, np.inf)
    says = "better" if high < 0 else "worse" if low > 0 else "no different"
    bounds = {"low": low, "high": high} if origins > 1 else {"low": None, "high": None}
    return {"difference": value, **bounds, "network": says}


def _verdict(against: Mapping[str, Mapping[str, Any]]) -> str:
    """One plain sentence."""
    if not against:
        return "There is no baseline to compare the network with."
    groups = {
        word: [name for name, found in against.items() if found["network"] == word]
        for word in ("better", "no different", "worse")
    }
    if len(groups["better"]) == len(against):
        return f"The network beats {_listed(list(against))}."
    parts = [f"it beats {_listed(groups['better'])}"] if groups["better"] else []
    if groups["no different"]:
        parts.append(f"it is not surely better than {_listed(groups['no different'])}")
    if groups["worse"]:
        parts.append(f"it is worse than {_listed(groups['worse'])}")
    return f"The network does not beat every baseline: {'; '.join(parts)}."


def _listed(names: list[str]) -> str:
    plain = [name.replace("_", " ") for name in names]
    return plain[0] if len(plain) == 1 else f"{', '.join(plain[:-1])} and {plain[-1]}"
