"""The worst mistakes of a model: the rows to look at first."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimaran.evaluation.calibration import row_losses


@dataclass(frozen=True)
class Mistake:
    """A wrongly classified row: its place in the split, its original number, and the answer."""

    row: int
    id: int
    true: str
    predicted: str
    probability_true: float
    probability_predicted: float
    loss: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Deviation:
    """A row whose number was predicted badly; `error` is predicted - true, of the worst output."""

    row: int
    id: int
    true: float
    predicted: float
    error: float
    output: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def worst_mistakes(
    true: NDArray[np.int64],
    probabilities: NDArray[Any],
    classes: Sequence[str],
    ids: NDArray[np.int64] | None = None,
    count: int = 24,
) -> tuple[Mistake, ...]:
    """Wrong answers by falling loss, at most `count`; equal losses keep the order of the rows.

    probabilities is (n, classes); ids default to the place in the split.
    """
    names = np.arange(len(true)) if ids is None else ids
    answer = probabilities.argmax(axis=1)
    losses = row_losses(true, probabilities)
    wrong = np.flatnonzero(answer != true)
    chosen = wrong[np.argsort(-losses[wrong], kind="stable")[:count]]
    return tuple(
        Mistake(
            row=int(row),
            id=int(names[row]),
            true=classes[true[row]],
            predicted=classes[answer[row]],
            probability_true=float(probabilities[row, true[row]]),
            probability_predicted=float(probabilities[row, answer[row]]),
            loss=float(losses[row]),
        )
        for row in chosen
    )


def worst_deviations(
    true: NDArray[Any],
    predicted: NDArray[Any],
    ids: NDArray[np.int64] | None = None,
    count: int = 24,
) -> tuple[Deviation, ...]:
    """Rows by falling absolute error of their worst output; arrays are (n,) or (n, outputs)."""
    rows = len(true)
    names = np.arange(rows) if ids is None else ids
    wanted = np.asarray(true, dtype=np.float64).reshape(rows, -1)
    given = np.asarray(predicted, dtype=np.float64).reshape(rows, -1)
    gaps = np.abs(given - wanted)
    chosen = np.argsort(-gaps.max(axis=1), kind="stable")[:count]
    columns = gaps.argmax(axis=1)
    return tuple(
        Deviation(
            row=int(row),
            id=int(names[row]),
            true=float(wanted[row, columns[row]]),
            predicted=float(given[row, columns[row]]),
            error=float(given[row, columns[row]] - wanted[row, columns[row]]),
            output=int(columns[row]),
        )
        for row in chosen
    )
