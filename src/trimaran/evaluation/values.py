"""Scores of a regression on one split, each with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimaran.errors import DataError
from trimaran.evaluation import intervals, regression
from trimaran.evaluation.score import Score, checked_weights, metrics_json, require_finite

Floats = NDArray[np.float64]
SHOWN = 500  # pairs kept for the picture of predicted against true


@dataclass(frozen=True)
class ValueScores:
    """What scores.json holds for one split.

    `per_output` has one row per predicted number; `pairs` is a seeded sample of
    (output, true, predicted) for the picture in the report.
    """

    n: int
    outputs: tuple[str, ...]
    metrics: dict[str, Score]
    per_output: tuple[dict[str, Any], ...]
    pairs: tuple[tuple[int, float, float], ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "metrics": metrics_json(self.metrics),
            "outputs": list(self.outputs),
            "per_output": list(self.per_output),
            "pairs": [list(pair) for pair in self.pairs],
        }


def score_values(
    y_true: NDArray[Any],
    y_pred: NDArray[Any],
    outputs: Sequence[str] = (),
    ids: NDArray[np.int64] | None = None,
    seed: int = 0,
    weights: NDArray[Any] | None = None,
) -> ValueScores:
    """Score predicted numbers: MAE, RMSE and R² in the units of the target.

    Arrays are (n,) or (n, outputs). ids name the rows in errors. Raises DataError for rows that
    cannot be scored; R² says why where it has no value (a constant target, one row).
    """
    true, predicted = _columns(y_true), _columns(y_pred)
    if true.shape != predicted.shape or len(true) == 0 or true.ndim != 2:
        raise DataError(
            f"Targets of shape {np.shape(y_true)} and predictions of shape {np.shape(y_pred)} "
            "cannot be scored: expected the same shape with at least one row."
        )
    require_finite(true, ids, "The target")
    require_finite(predicted, ids, "The prediction")
    names = tuple(map(str, outputs)) or tuple(f"output{i}" for i in range(true.shape[1]))
    checked = checked_weights(weights, len(true))
    return ValueScores(
        n=len(true),
        outputs=names,
        metrics=_metrics(true, predicted, checked),
        per_output=tuple(
            {"output": name, "n": len(true)}
            | metrics_json(_metrics(true[:, [i]], predicted[:, [i]], checked))
            for i, name in enumerate(names)
        ),
        pairs=_sample(true, predicted, seed),
    )


def _columns(values: NDArray[Any]) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    return array[:, None] if array.ndim == 1 else array


def _metrics(true: Floats, predicted: Floats, weights: Floats) -> dict[str, Score]:
    mae = regression.mae(true, predicted, weights)
    rmse = regression.rmse(true, predicted, weights)
    return {
        "mae": Score.of(mae.value, intervals.delta_log(mae.value, mae.influence)),
        "rmse": Score.of(rmse.value, intervals.delta_log(rmse.value, rmse.influence)),
        "r2": _r2(true, predicted, weights),
    }


def _r2(true: Floats, predicted: Floats, weights: Floats) -> Score:
    counted = true[weights > 0]
    if len(counted) < 2:
        return Score.undefined("R² needs at least two rows")
    if (counted == counted[0]).all(axis=0).any():
        return Score.undefined("the target is constant in this split, so R² has no value")
    estimate = regression.r2(true, predicted, weights)
    return Score.of(estimate.value, intervals.delta_complement(estimate.value, estimate.influence))


def _sample(true: Floats, predicted: Floats, seed: int) -> tuple[tuple[int, float, float], ...]:
    random = np.random.default_rng(np.random.SeedSequence((seed, 0x5CA7)))
    flat = random.permutation(true.size)[:SHOWN]
    rows, columns = np.unravel_index(np.sort(flat), true.shape)
    return tuple(
        (int(column), float(true[row, column]), float(predicted[row, column]))
        for row, column in zip(rows, columns, strict=True)
    )
