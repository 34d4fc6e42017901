"""Columns that give the target away."""

from __future__ import annotations

import math

import numpy as np

from trimaran.data.fields import as_texts
from trimaran.data.targets import comparable

_FEWEST = 20  # below this many rows a perfect match may be chance
_REPEATS = 5  # a value must occur so often on average before "always the same target" means much
# A column that is shuffled blindly must agree with the target less often than this before it is
# called a leak. So strict because honest columns are not blind: one that is right in most rows
# agrees in all of a few far more often. Two values, equally frequent, reach it at 43 rows.
_CHANCE = 1e-12
_LEFT = 0.1  # a column that alone leaves so few of the blind guess's errors is told of


def leak(column: np.ndarray, target: np.ndarray, task: str) -> str | None:
    """How the column (N,) gives the target (N,) away, or None.

    "equals":     the target can be computed from the column and the other way round: a renaming
                  of the classes, or a straight line (correlation 1 up to rounding)
    "agrees":     the same, but in so few rows, or with values so rare, that a column of the same
                  values in another order would do so with a chance of 1 in 10^12 or more
    "determines": each value of the column, seen 5 times on average, has always the same target
    """
    if len(target) < _FEWEST:
        return None
    if task == "regress" and column.dtype.kind in "fb" and _straight(column, target):
        return _surely(_known(column, target), line=True)
    values = codes(column)
    goals = codes(target)
    many = values.max() + 1
    if many < 2 or many * _REPEATS > len(target):
        return None
    pairs = len(np.unique(values * (goals.max() + 1) + goals))
    if pairs != many:
        return None
    return _surely(values) if many == goals.max() + 1 else "determines"


def telling(column: np.ndarray, target: np.ndarray) -> float | None:
    """The share of rows whose class (N,) the column (N,) alone tells, where that is suspicious.

    Suspicious is a column whose values, or whose gaps where it has too many values, leave at most
    a tenth of the errors of always answering the most frequent class. A gap tells much where a
    column is filled in only after the fact, such as the date of a later event.
    """
    values, goals = codes(column), codes(target)
    if (values.max(initial=0) + 1) * _REPEATS > len(target):
        values = _absent(column).astype(np.int64)
    width = goals.max(initial=0) + 1
    pairs, counts = np.unique(values * width + goals, return_counts=True)
    best = np.zeros(values.max(initial=0) + 1, np.int64)
    np.maximum.at(best, pairs // width, counts)
    blind = len(target) - int(np.bincount(goals).max(initial=0))
    wrong = len(target) - int(best.sum())
    few = blind < _FEWEST or wrong > _LEFT * blind
    return None if few else 1 - wrong / len(target)


def _absent(column: np.ndarray) -> np.ndarray:
    if column.dtype == object:
        return np.array([v is None for v in column.tolist()], bool)
    return ~np.isfinite(column) if column.dtype.kind == "f" else np.zeros(len(column), bool)


def chance(values: np.ndarray, line: bool = False) -> float:
    """How likely these values (N,), in random order, give a target away that they now give away.

    Of the N! / (c1!·c2!·...) orders, where ci counts a value, those agree that only exchange
    values which are equally frequent; on a straight `line`, at most two: up and down.
    """
    counts = np.unique(values, return_counts=True)[1]
    ways = sum(math.lgamma(count + 1) for count in counts) - math.lgamma(len(values) + 1)
    swaps = [math.lgamma(n + 1) for n in np.unique(counts, return_counts=True)[1]]
    return math.exp(min(ways + (math.log(2) if line else sum(swaps)), 0.0))


def _surely(values: np.ndarray, line: bool = False) -> str:
    return "equals" if chance(values, line) < _CHANCE else "agrees"


def codes(column: np.ndarray) -> np.ndarray:
    """(N,) int64: the same number for the same value; all missing values count as one."""
    if column.dtype.kind == "f":
        column = np.where(np.isfinite(column), column, np.nan)  # np.unique merges NaN
    plain = as_texts(column) if column.dtype == object else comparable(column)
    return np.unique(plain, return_inverse=True)[1].astype(np.int64)


def _straight(column: np.ndarray, target: np.ndarray) -> bool:
    x, y = _known(column, target), _known(target, column)
    if len(x) < _FEWEST:
        return False
    x, y = x - x.mean(), y - y.mean()
    size = np.sqrt((x @ x) * (y @ y))
    return bool(size > 0 and abs(x @ y) / size > 1 - 1e-10)


def _known(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The values, as numbers, of the rows in which both columns have one."""
    x, y = values.astype(np.float64), others.astype(np.float64)
    return x[np.isfinite(x) & np.isfinite(y)]
