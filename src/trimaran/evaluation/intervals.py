"""95 % intervals: by formula where there is a good one, else by cheap resampling.

wilson      a proportion (E. B. Wilson, JASA 22, 1927); weighted rows count by their effective
            number, (sum w)^2 / sum w^2
delta       value ± 1.96 standard errors on a scale where the metric is unbounded (log for errors,
            logit for areas), the standard error from the influences of the rows
bootstrap   1,000 resamples of the rows, drawn as multinomial counts of the cells of the confusion
            matrix: the same distribution as drawing rows, at a cost that hardly grows with them
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimaran.evaluation.calibration import Reliability
from trimaran.evaluation.confusion import Counts, averages

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Z = 1.959963984540054  # the 97.5 % point of the normal distribution
RESAMPLES = 1000
CHUNK = 4_000_000  # counts held at once while resampling


@dataclass(frozen=True)
class Interval:
    """Where the metric lies with 95 % confidence, and the method that says so."""

    low: float
    high: float
    method: str


def effective_rows(weights: Floats) -> float:
    """Kish's effective sample size: n for equal weights, fewer for unequal ones."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def wilson(share: float, rows: float) -> Interval:
    """Wilson's interval for a proportion seen on so many (effective) rows; rows > 0."""
    centre = (share + Z**2 / (2 * rows)) / (1 + Z**2 / rows)
    half = Z * np.sqrt(share * (1 - share) / rows + Z**2 / (4 * rows**2)) / (1 + Z**2 / rows)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Interval(min(float(low), share), max(float(high), share), "wilson")


def delta_log(value: float, influence: Floats) -> Interval:
    """For a metric in [0, inf), such as a mean loss: symmetric on the scale of its logarithm."""
    if value <= 0:
        return Interval(value, value, "delta, log scale")
    step = Z * _standard_error(influence) / value
    return Interval(value * np.exp(-step), value * np.exp(step), "delta, log scale")


def delta_logit(value: float, influence: Floats, fewest: float, name: str) -> Interval:
    """For an area in [0, 1]; `name` is that of the standard error.

    At exactly 0 or 1 no row has influence; Wilson's interval on the `fewest` rows of a class is
    reported instead of a false certainty.
    """
    if value <= 0 or value >= 1:
        edge = wilson(min(max(value, 0.0), 1.0), fewest)
        return Interval(edge.low, edge.high, "wilson on the rarest class (perfect ranking)")
    middle = np.log(value / (1 - value))
    step = Z * _standard_error(influence) / (value * (1 - value))
    low, high = (float(1 / (1 + np.exp(-(middle + side * step)))) for side in (-1, 1))
    return Interval(low, high, f"{name}, logit scale")


def delta_complement(value: float, influence: Floats) -> Interval:
    """For a metric in (-inf, 1], such as R²: symmetric on the scale of log(1 - value)."""
    error = delta_log(1 - value, influence)
    return Interval(1 - error.high, 1 - error.low, "delta, log(1 - value) scale")


def _standard_error(influence: Floats) -> float:
    return float(np.sqrt((influence**2).sum()))


def bootstrap_rates(
    true: Labels, predicted: Labels, classes: int, weights: Floats, seed: int
) -> Mapping[str, Interval]:
    """Percentile intervals of every averaged precision, recall and F1, by name."""
    if np.array_equal(true, predicted):
        edge = wilson(1.0, effective_rows(weights))
        always = Interval(edge.low, 1.0, "wilson (no mistake to resample)")
        return dict.fromkeys(averages(_no_counts(classes)), always)
    draws = _resampled(true, predicted, classes, weights, seed)
    bounds = {name: np.quantile(values, (0.025, 0.975)) for name, values in draws.items()}
    return {
        name: Interval(float(low), float(high), f"bootstrap of rows, {RESAMPLES} resamples")
        for name, (low, high) in bounds.items()
    }


def _no_counts(classes: int) -> Counts:
    zero = np.zeros(classes)
    return Counts(zero, zero, zero)


def _resampled(
    true: Labels, predicted: Labels, classes: int, weights: Floats, seed: int
) -> dict[str, Floats]:
    """Averaged rates of each resample: name -> (RESAMPLES,).

    Rows with the same true class, answer and weight are exchangeable, so only their number is
    drawn; there are as many kinds as non-empty cells of the confusion matrix if no row is weighted.
    """
    kinds, count = np.unique(
        np.stack([true, predicted, weights], axis=1), axis=0, return_counts=True
    )
    kind_true, kind_predicted = kinds[:, 0].astype(np.int64), kinds[:, 1].astype(np.int64)
    random = np.random.default_rng(np.random.SeedSequence((seed, 0xB0075)))
    step = max(1, CHUNK // len(true))
    parts = []
    for start in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - start)
        drawn = _draw(random, count, size) * kinds[:, 2]
        right = drawn * (kind_true == kind_predicted)
        parts.append(
            averages(
                Counts(
                    _sums(right, kind_true, classes),
                    _sums(drawn, kind_true, classes),
                    _sums(drawn, kind_predicted, classes),
                )
            )
        )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _draw(random: np.random.Generator, count: Labels, size: int) -> Labels:
    """How often each kind of row occurs in `size` resamples of all rows: (size, kinds).

    Few kinds are drawn as multinomial counts; many (rows with weights of their own) as rows,
    which has the same distribution and costs less there.
    """
    rows, kinds = int(count.sum()), len(count)
    if 8 * kinds < rows:
        return random.multinomial(rows, count / rows, size)
    kind = np.repeat(np.arange(kinds, dtype=np.int32), count)
    drawn = kind[random.integers(0, rows, (size, rows), dtype=np.int32)]
    return np.stack([np.bincount(one, minlength=kinds) for one in drawn])


def _sums(values: Floats, group: Labels, groups: int) -> Floats:
    """Sum the columns of (resamples, kinds) by group: (resamples, groups)."""
    order = np.argsort(group, kind="stable")
    present, starts = np.unique(group[order], return_index=True)
    out = np.zeros((len(values), groups))
    out[:, present] = np.add.reduceat(values[:, order], starts, axis=1)
    return out


def bootstrap_calibration(bins: Reliability, squares: float, seed: int) -> Interval:
    """Interval of the expected calibration error, by a Gaussian bootstrap of the sums per bin.

    Resampling adds noise under the absolute value and so inflates the error; the reflected
    ("basic") interval takes that bias out again. It is widened to hold the value itself, and to
    hold 0 where a perfectly calibrated model would often err as much by chance.
    squares is the sum of the squared weights of the rows.
    """
    total, value = bins.weight.sum(), bins.error
    share = bins.gap / total
    cross = np.outer(share, bins.pull)
    covariance = np.diag(bins.spread) - cross - cross.T + np.outer(share, share) * squares
    random = np.random.default_rng(np.random.SeedSequence((seed, 0xECE)))
    draws = random.multivariate_normal(bins.gap, covariance, RESAMPLES, method="eigh")
    errors = np.abs(draws).sum(axis=1) / total
    near, far = np.quantile(errors, (0.025, 0.975))
    noise = np.quantile(np.abs(draws - bins.gap).sum(axis=1) / total, 0.975)
    low = 0.0 if value <= noise else min(max(0.0, 2 * value - float(far)), value)
    high = max(min(1.0, 2 * value - float(near)), value)
    return Interval(low, high, f"basic bootstrap of the bins, {RESAMPLES} resamples")
