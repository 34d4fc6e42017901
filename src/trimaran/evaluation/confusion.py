"""Counts of what was taken for what, and the rates that follow from them.

A confusion matrix has the true class in its rows and the predicted class in its columns, so each
of precision, recall and F1 needs three vectors only: right answers, rows and columns per class.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


def confusion_matrix(
    true: Labels, predicted: Labels, classes: int, weights: Floats | None = None
) -> NDArray[Any]:
    """Weight of each (true, predicted) pair: (classes, classes), integers where no weights are."""
    flat = np.bincount(true * classes + predicted, weights, minlength=classes * classes)
    return flat.reshape(classes, classes)


@dataclass(frozen=True)
class Counts:
    """Per class, on the last axis: right answers, rows of the class, rows predicted as it."""

    right: Floats
    actual: Floats
    predicted: Floats

    @classmethod
    def of(cls, confusion: NDArray[Any]) -> "Counts":
        table = np.asarray(confusion, dtype=np.float64)
        return cls(np.diagonal(table).copy(), table.sum(axis=1), table.sum(axis=0))


def _ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole, and 0 where the whole is 0 (scikit-learn's zero_division=0)."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def precision(counts: Counts) -> Floats:
    """Share of the rows predicted as the class that belong to it."""
    return _ratio(counts.right, counts.predicted)


def recall(counts: Counts) -> Floats:
    """Share of the rows of the class that were found."""
    return _ratio(counts.right, counts.actual)


def f1(counts: Counts) -> Floats:
    """Harmonic mean of precision and recall: 2 right / (actual + predicted)."""
    return _ratio(2 * counts.right, counts.actual + counts.predicted)


def accuracy(counts: Counts) -> Floats:
    """Share of all rows that were answered rightly."""
    return _ratio(counts.right.sum(-1), counts.actual.sum(-1))


def macro(rate: Floats, counts: Counts) -> Floats:
    """Plain mean over the classes that occur, as a label or as an answer (scikit-learn's rule)."""
    occurs = (counts.actual + counts.predicted) > 0
    return _ratio((rate * occurs).sum(-1), occurs.sum(-1).astype(np.float64))


def weighted(rate: Floats, counts: Counts) -> Floats:
    """Mean over classes, each counted by its rows."""
    return _ratio((rate * counts.actual).sum(-1), counts.actual.sum(-1))


def averages(counts: Counts) -> dict[str, Floats]:
    """Every averaged rate by name; leading axes of the counts (resamples) are kept."""
    rates = {"precision": precision(counts), "recall": recall(counts), "f1": f1(counts)}
    plain = {f"{name}_macro": macro(rate, counts) for name, rate in rates.items()}
    return plain | {f"{name}_weighted": weighted(rate, counts) for name, rate in rates.items()}
