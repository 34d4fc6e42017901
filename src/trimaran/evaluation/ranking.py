"""How well scores rank rows: area under the ROC curve and average precision.

Each function also returns the *influence* of every row: its weight times the derivative of the
metric by that weight. The influences add up to zero, and the sum of their squares estimates the
variance of the metric (the infinitesimal jackknife). For the ROC area this is the estimator of
DeLong, DeLong & Clarke-Pearson (Biometrics 44, 1988), here in O(n log n) through sorted sums.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Estimate:
    """A metric and the influence of each row on it, (n,)."""

    value: float
    influence: Floats


@dataclass(frozen=True)
class _Sorted:
    """Rows by falling score, with the first and last place of each group of equal scores."""

    order: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def _descending(scores: Floats) -> _Sorted:
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.nan) != 0)
    ends = np.append(starts[1:], len(scores)) - 1
    group = np.repeat(np.arange(len(starts)), ends - starts + 1)
    return _Sorted(order, starts[group], ends[group])


def _unsort(values: Floats, order: NDArray[np.int64]) -> Floats:
    out = np.empty_like(values)
    out[order] = values
    return out


def _spread(weights: Floats) -> float:
    """sqrt(m / (m - 1)) for m effective rows: DeLong's n - 1 in the place of n."""
    effective = weights.sum() ** 2 / (weights**2).sum()
    return float(np.sqrt(effective / (effective - 1))) if effective > 1 + 1e-9 else 1.0


def roc_auc(positive: Flags, scores: Floats, weights: Floats) -> Estimate:
    """Chance that a positive row outranks a negative one, ties counted half.

    Both kinds of rows must be present. Arrays are (n,); weights are >= 0.
    """
    ranks = _descending(scores)
    flags, w = positive[ranks.order], weights[ranks.order]
    above = np.concatenate([[0.0], np.cumsum(w * flags)])
    total = above[-1]
    outranked_by = (above[ranks.first] + above[ranks.last + 1]) / (2 * total)
    below = np.concatenate([[0.0], np.cumsum(w * ~flags)])
    outranks = 1 - (below[ranks.first] + below[ranks.last + 1]) / (2 * below[-1])
    value = float(np.sum((w * outranks)[flags]) / total)
    places = np.where(flags, outranks, outranked_by) - value
    scale = np.where(flags, _spread(w[flags]) / total, _spread(w[~flags]) / below[-1])
    return Estimate(value, _unsort(w * places * scale, ranks.order))


def average_precision(positive: Flags, scores: Floats, weights: Floats) -> Estimate:
    """Mean, over the positive rows, of the precision at that row's score (area under PR).

    At least one positive row must be present. The influence of row j sums what its weight does to
    the precision at each positive row that scores no higher.
    """
    ranks = _descending(scores)
    flags, w = positive[ranks.order].astype(np.float64), weights[ranks.order]
    found = np.cumsum(w * flags)[ranks.last]
    seen = np.cumsum(w)[ranks.last]
    precise = np.divide(found, seen, out=np.zeros_like(found), where=seen > 0)
    total = float((w * flags).sum())
    value = float((w * flags * precise).sum() / total)
    per_seen = np.divide(w * flags, seen, out=np.zeros_like(w), where=seen > 0)
    gain = np.cumsum(per_seen[::-1])[::-1][ranks.first]
    loss = np.cumsum((per_seen * precise)[::-1])[::-1][ranks.first]
    slope = (flags * (precise - value) + flags * gain - loss) / total
    return Estimate(value, _unsort(w * slope, ranks.order))
