"""Columns that give the target away."""

from __future__ import annotations

import numpy as np

from trimaran.data.fields import as_texts
from trimaran.data.targets import comparable

_FEWEST = 20  # below this many rows a perfect match may be chance
_REPEATS = 5  # a value must occur so often on average before "always the same target" means much


def leak(column: np.ndarray, target: np.ndarray, task: str) -> str | None:
    """How the column (N,) gives the target (N,) away, or None.

    "equals":     the target can be computed from the column and the other way round: a renaming
                  of the classes, or a straight line (correlation 1 up to rounding)
    "determines": each value of the column, seen 5 times on average, has always the same target
    """
    if len(target) < _FEWEST:
        return None
    if task == "regress" and column.dtype.kind in "fb" and _straight(column, target):
        return "equals"
    values = codes(column)
    goals = codes(target)
    many = values.max() + 1
    if many < 2 or many * _REPEATS > len(target):
        return None
    pairs = len(np.unique(values * (goals.max() + 1) + goals))
    if pairs != many:
        return None
    return "equals" if many == goals.max() + 1 else "determines"


def codes(column: np.ndarray) -> np.ndarray:
    """(N,) int64: the same number for the same value; all missing values count as one."""
    if column.dtype.kind == "f":
        column = np.where(np.isfinite(column), column, np.nan)  # np.unique merges NaN
    plain = as_texts(column) if column.dtype == object else comparable(column)
    return np.unique(plain, return_inverse=True)[1].astype(np.int64)


def _straight(column: np.ndarray, target: np.ndarray) -> bool:
    x, y = column.astype(np.float64), target.astype(np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < _FEWEST:
        return False
    x, y = x[known] - x[known].mean(), y[known] - y[known].mean()
    size = np.sqrt((x @ x) * (y @ y))
    return bool(size > 0 and abs(x @ y) / size > 1 - 1e-10)
