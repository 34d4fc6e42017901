"""What a network must beat: the last value, the last season, no change, and a linear model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trimaran.data.batches import INPUT, OUTPUT, Rows
from trimaran.data.series.target import Forecast
from trimaran.data.splits import TRAIN, VALIDATION

ALPHAS = (1.0, 10.0, 100.0, 1e3, 1e4)
_MOST = 20_000  # windows that the linear model learns from


def baselines(
    rows: Rows, target: Forecast, splits: Mapping[str, Rows] | None = None
) -> dict[str, np.ndarray | str]:
    """Name -> forecasts (n, horizon, columns), standardised, or why there are none.

    splits: the training part, and validation, that the linear model needs.
    """
    past = own(rows, target)
    found: dict[str, np.ndarray | str] = {"naive": naive(past, target.horizon)}
    if target.season > 1:
        found["seasonal_naive"] = seasonal(past, target.horizon, target.season)
    if target.returns:
        still = -np.array(target.center) / np.array(target.scale)
        found["random_walk"] = np.broadcast_to(still, (len(past), target.horizon, len(still)))
    if splits is None:
        found["ridge"] = "the linear model is fitted on the training part, which is not at hand"
    else:
        found["ridge"] = ridge(past, target, splits)
    return found


def own(rows: Rows, target: Forecast) -> np.ndarray:
    """(n, length, columns): the past of the columns that are told."""
    return rows.inputs[INPUT][..., : len(target.names)]


def naive(past: np.ndarray, horizon: int) -> np.ndarray:
    """The last value for every step."""
    return np.repeat(past[:, -1:], horizon, axis=1)


def seasonal(past: np.ndarray, horizon: int, season: int) -> np.ndarray | str:
    """For every step the value of the same place in the last season."""
    length = past.shape[1]
    if length < season:
        return f"the window of {length} steps is shorter than a season of {season}"
    return np.asarray(past[:, length - season + np.arange(horizon) % season])


def ridge(past: np.ndarray, target: Forecast, splits: Mapping[str, Rows]) -> np.ndarray:
    """scikit-learn's ridge regression of all steps on the window, one for each column.

    Values are taken relative to the window's last one, returns as they are. The penalty is the one
    of `ALPHAS` with the least squared error on the validation part, 100 where there is none.
    """
    train = splits[TRAIN]
    index = np.linspace(0, len(train) - 1, min(_MOST, len(train))).astype(np.int64)
    held = splits.get(VALIDATION)
    told = []
    for column in range(len(target.names)):
        x, y = _relative(train, target, column, index)
        alpha = 100.0 if held is None else _best(x, y, held, target, column)
        last = 0.0 if target.returns else past[:, -1:, column]
        told.append(_fitted(x, y, alpha).predict(past[:, :, column] - last) + last)
    return np.stack(told, axis=-1)


def _fitted(x: np.ndarray, y: np.ndarray, alpha: float):  # type: ignore[no-untyped-def]
    from sklearn.linear_model import Ridge

    return Ridge(alpha=alpha, solver="cholesky").fit(x, y)


def _best(x: np.ndarray, y: np.ndarray, held: Rows, target: Forecast, column: int) -> float:
    index = np.linspace(0, len(held) - 1, min(_MOST // 4, len(held))).astype(np.int64)
    given, true = _relative(held, target, column, index)
    errors = [np.square(_fitted(x, y, a).predict(given) - true).mean() for a in ALPHAS]
    return ALPHAS[int(np.argmin(errors))]


def _relative(
    rows: Rows, target: Forecast, column: int, index: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(n, length) past and (n, horizon) future of one column, less the last value of the past."""
    past = np.asarray(rows.inputs[INPUT][index, :, column], np.float64)
    ahead = np.asarray(rows.targets[OUTPUT][index, :, column], np.float64)
    if target.returns:
        return past, ahead
    last = past[:, -1:]
    return past - last, ahead - last
