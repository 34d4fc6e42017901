"""Errors of predicted numbers: MAE, RMSE and R², with the influence of each row on them.

Several outputs are averaged with equal weight, as scikit-learn does; see `ranking` for what an
influence is.
"""

import numpy as np
from numpy.typing import NDArray

from trimaran.evaluation.ranking import Estimate

Floats = NDArray[np.float64]


def mean(values: Floats, weights: Floats) -> Estimate:
    """Weighted mean of (n,) values."""
    total = weights.sum()
    value = float((weights * values).sum() / total)
    return Estimate(value, weights * (values - value) / total)


def mae(true: Floats, predicted: Floats, weights: Floats) -> Estimate:
    """Mean absolute error over rows and outputs; arrays are (n, outputs)."""
    return mean(np.abs(true - predicted).mean(axis=1), weights)


def rmse(true: Floats, predicted: Floats, weights: Floats) -> Estimate:
    """Root of the mean squared error of each output, averaged over the outputs."""
    columns = [mean(square, weights) for square in ((true - predicted) ** 2).T]
    roots = [float(np.sqrt(column.value)) for column in columns]
    parts = [
        column.influence / (2 * root) if root > 0 else np.zeros_like(weights)
        for column, root in zip(columns, roots, strict=True)
    ]
    return Estimate(float(np.mean(roots)), np.mean(parts, axis=0))


def r2(true: Floats, predicted: Floats, weights: Floats) -> Estimate:
    """1 - squared error / squared deviation from the mean, averaged over the outputs.

    No output may be constant: the caller checks it, for the ratio has no value there.
    """
    parts = [_r2_of_one(t, p, weights) for t, p in zip(true.T, predicted.T, strict=True)]
    value = float(np.mean([part.value for part in parts]))
    return Estimate(value, np.mean([part.influence for part in parts], axis=0))


def _r2_of_one(true: Floats, predicted: Floats, weights: Floats) -> Estimate:
    errors = mean((true - predicted) ** 2, weights)
    centre = (weights * true).sum() / weights.sum()
    spread = mean((true - centre) ** 2, weights)
    ratio = errors.value / spread.value
    return Estimate(1 - ratio, -(errors.influence - ratio * spread.influence) / spread.value)
