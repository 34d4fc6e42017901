"""Scores of a classifier on one split, each with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimaran.errors import DataError
from trimaran.evaluation import calibration, confusion, intervals, ranking, regression
from trimaran.evaluation.score import Score, checked_weights, metrics_json, require_finite

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class ClassificationScores:
    """What scores.json holds for one split; `per_class` and `calibration` are rows of a table."""

    n: int
    classes: tuple[str, ...]
    metrics: dict[str, Score]
    confusion: NDArray[Any]
    per_class: tuple[dict[str, Any], ...]
    calibration: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "metrics": metrics_json(self.metrics),
            "confusion": self.confusion.tolist(),
            "classes": list(self.classes),
            "calibration": list(self.calibration),
            "per_class": list(self.per_class),
        }


@dataclass(frozen=True)
class _Answers:
    """Checked rows: true and predicted class, probabilities (n, classes) and weights (n,)."""

    true: Labels
    predicted: Labels
    probabilities: NDArray[Any]
    weights: Floats
    names: tuple[str, ...]


def score_classes(
    y_true: NDArray[Any],
    proba: NDArray[Any],
    classes: Sequence[str],
    ids: NDArray[np.int64] | None = None,
    seed: int = 0,
    weights: NDArray[Any] | None = None,
) -> ClassificationScores:
    """Score class probabilities against true class numbers.

    y_true is (n,) in [0, len(classes)); proba is (n, classes), or (n,) or (n, 1) for the chance of
    the second of two classes. ids name the rows in errors. Raises DataError for rows that cannot
    be scored; a metric that has no value on this split says so in its `reason`.
    """
    answers = _checked(y_true, proba, tuple(map(str, classes)), ids, weights)
    table = confusion.confusion_matrix(
        answers.true, answers.predicted, len(classes), None if weights is None else answers.weights
    )
    confident = answers.probabilities.max(axis=1).astype(np.float64)
    bins = calibration.reliability(answers.true == answers.predicted, confident, answers.weights)
    ranks = _rank(answers)
    return ClassificationScores(
        n=len(answers.true),
        classes=answers.names,
        metrics=_rates(answers, table, seed)
        | _areas(answers, ranks)
        | {
            "log_loss": _log_loss(answers),
            "expected_calibration_error": Score.of(
                bins.error,
                intervals.bootstrap_calibration(bins, float((answers.weights**2).sum()), seed),
            ),
        },
        confusion=table,
        per_class=_per_class(answers, table, ranks),
        calibration=_bins(bins),
    )


def _checked(
    y_true: NDArray[Any],
    proba: NDArray[Any],
    names: tuple[str, ...],
    ids: NDArray[np.int64] | None,
    weights: NDArray[Any] | None,
) -> _Answers:
    true, chances = np.asarray(y_true), np.asarray(proba)
    if chances.dtype.kind != "f":
        chances = chances.astype(np.float64)
    if len(names) == 2 and chances.size == len(chances):
        chances = np.stack([1 - chances.ravel(), chances.ravel()], axis=1)
    if true.ndim != 1 or len(true) == 0 or chances.shape != (len(true), len(names)):
        raise DataError(
            f"Labels of shape {true.shape} and probabilities of shape {chances.shape} cannot be "
            f"scored: expected (n,) and (n, {len(names)}) with n >= 1."
        )
    require_finite(chances, ids, "The predicted probability")
    outside = np.flatnonzero((true < 0) | (true >= len(names)))
    if len(outside):
        name = outside[0] if ids is None else ids[outside[0]]
        raise DataError(
            f"Row {name} has class number {true[outside[0]]}, expected 0 to {len(names) - 1}: "
            "this split holds a label that the model was never told of."
        )
    true = true.astype(np.int64)
    return _Answers(
        true, chances.argmax(axis=1), chances, checked_weights(weights, len(true)), names
    )


def _rates(answers: _Answers, table: NDArray[Any], seed: int) -> dict[str, Score]:
    counts = confusion.Counts.of(table)
    share = float(confusion.accuracy(counts))
    interval = intervals.wilson(share, intervals.effective_rows(answers.weights))
    bounds = intervals.bootstrap_rates(
        answers.true, answers.predicted, len(answers.names), answers.weights, seed
    )
    rates = confusion.averages(counts)
    return {"accuracy": Score.of(share, interval)} | {
        name: Score.of(float(value), bounds[name]) for name, value in rates.items()
    }


def _log_loss(answers: _Answers) -> Score:
    losses = calibration.row_losses(answers.true, answers.probabilities)
    mean = regression.mean(losses, answers.weights)
    return Score.of(mean.value, intervals.delta_log(mean.value, mean.influence))


@dataclass(frozen=True)
class _Ranking:
    """Areas of one class against the rest; None where it has no rows, or all of them."""

    roc: ranking.Estimate | None
    pr: ranking.Estimate | None
    rarest: float


def _rank(answers: _Answers) -> tuple[_Ranking, ...]:
    """One class against the rest, for each class."""
    scores = answers.probabilities.astype(np.float64)
    return tuple(
        _rank_one(answers.true == number, scores[:, number], answers.weights)
        for number in range(len(answers.names))
    )


def _rank_one(positive: NDArray[np.bool_], scores: Floats, weights: Floats) -> _Ranking:
    inside, outside = weights[positive], weights[~positive]
    if not inside.sum() > 0:
        return _Ranking(None, None, 0.0)
    pr = ranking.average_precision(positive, scores, weights)
    if not outside.sum() > 0:
        return _Ranking(None, pr, intervals.effective_rows(inside))
    rarest = min(intervals.effective_rows(inside), intervals.effective_rows(outside))
    return _Ranking(ranking.roc_auc(positive, scores, weights), pr, rarest)


def _areas(answers: _Answers, ranks: tuple[_Ranking, ...]) -> dict[str, Score]:
    """ROC-AUC and PR-AUC: of the second class if there are two, else the mean of one-vs-rest."""
    used = ranks[1:] if len(ranks) == 2 else ranks
    missing = [
        name
        for name, rank in zip(answers.names, ranks, strict=True)
        if rank.roc is None and rank.pr is None
    ]
    if missing:
        shown = ", ".join(repr(name) for name in missing[:3]) + (" …" if missing[3:] else "")
        reason = f"no row of this split belongs to class {shown}"
        return dict.fromkeys(("roc_auc", "pr_auc"), Score.undefined(reason))
    rarest = min(rank.rarest for rank in ranks)
    return {
        "roc_auc": _mean_area([rank.roc for rank in used], rarest, "delong"),
        "pr_auc": _mean_area([rank.pr for rank in used], rarest, "delta"),
    }


def _mean_area(parts: list[ranking.Estimate | None], rarest: float, name: str) -> Score:
    found = [part for part in parts if part is not None]
    if not found:
        return Score.undefined("all rows of this split belong to one class")
    value = float(np.mean([part.value for part in found]))
    influence = np.mean([part.influence for part in found], axis=0)
    return Score.of(value, intervals.delta_logit(value, influence, rarest, name))


def _per_class(
    answers: _Answers, table: NDArray[Any], ranks: tuple[_Ranking, ...]
) -> tuple[dict[str, Any], ...]:
    counts = confusion.Counts.of(table)
    columns = confusion.precision(counts), confusion.recall(counts), confusion.f1(counts)
    rows = np.bincount(answers.true, minlength=len(answers.names))
    return tuple(
        {
            "class": name,
            "n": int(rows[number]),
            "precision": float(columns[0][number]),
            "recall": float(columns[1][number]),
            "f1": float(columns[2][number]),
            "recall_low": _recall_bound(answers, number, float(columns[1][number]))[0],
            "recall_high": _recall_bound(answers, number, float(columns[1][number]))[1],
            "roc_auc": None if (roc := ranks[number].roc) is None else roc.value,
            "pr_auc": None if (pr := ranks[number].pr) is None else pr.value,
        }
        for number, name in enumerate(answers.names)
    )


def _recall_bound(
    answers: _Answers, number: int, recall: float
) -> tuple[float | None, float | None]:
    weights = answers.weights[answers.true == number]
    if not weights.sum() > 0:
        return None, None
    interval = intervals.wilson(recall, intervals.effective_rows(weights))
    return interval.low, interval.high


def _bins(bins: calibration.Reliability) -> tuple[dict[str, Any], ...]:
    """The reliability table; a bin without rows has no confidence and no accuracy."""
    width = 1 / len(bins.rows)
    return tuple(
        {
            "low": number * width,
            "high": (number + 1) * width,
            "n": int(rows),
            "confidence": float(bins.confidence[number]) if rows else None,
            "accuracy": float(bins.accuracy[number]) if rows else None,
        }
        for number, rows in enumerate(bins.rows)
    )
