"""Scores of a language model on one split, each with its interval.

Tokens of one window are no independent rows, windows nearly are: the intervals come from windows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimaran.errors import DataError
from trimaran.evaluation import intervals
from trimaran.evaluation.intervals import Interval
from trimaran.evaluation.score import Score, metrics_json

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TokenScores:
    """What scores.json holds for one split: `n` windows of `length` tokens."""

    n: int
    length: int
    metrics: dict[str, Score]

    def to_json(self) -> dict[str, Any]:
        return {"n": self.n, "length": self.length, "metrics": metrics_json(self.metrics)}


def score_tokens(told: NDArray[Any], unit: str) -> TokenScores:
    """Cross-entropy in nats, bits, perplexity and accuracy, all per token.

    told: (windows, length, 2): the natural logarithm of the probability that the true token was
    given, and 1 where it was the likeliest. unit: what a token is called ("characters").
    Raises DataError where nothing can be scored.
    """
    if told.ndim != 3 or told.shape[-1] != 2 or 0 in told.shape:
        raise DataError(f"There is no token to score in an array of shape {told.shape}.")
    if not np.isfinite(told).all():
        raise DataError("A true token was given no finite probability: did training diverge?")
    nats = -told[..., 0].mean(axis=1, dtype=np.float64)
    hits = told[..., 1].mean(axis=1, dtype=np.float64)
    loss = float(nats.mean())
    around = intervals.delta_log(loss, (nats - loss) / len(nats))
    one = unit.removesuffix("s")
    scaled = {
        f"bits_per_{one}": (loss / np.log(2), around.low / np.log(2), around.high / np.log(2)),
        "cross_entropy": (loss, around.low, around.high),
        "perplexity": (np.exp(loss), np.exp(around.low), np.exp(around.high)),
    }
    found = {
        name: Score.of(value, Interval(low, high, f"{around.method}, windows"))
        for name, (value, low, high) in scaled.items()
    }
    return TokenScores(len(told), told.shape[1], {**found, "accuracy": _accuracy(hits)})


def _accuracy(hits: Floats) -> Score:
    """The mean over windows; beyond 0 and 1 an interval does not go."""
    share = float(hits.mean())
    if len(hits) < 2:
        return Score.of(share, Interval(0.0, 1.0, "one window says nothing"))
    half = intervals.Z * float(hits.std(ddof=1)) / np.sqrt(len(hits))
    low, high = max(0.0, share - half), min(1.0, share + half)
    return Score.of(share, Interval(low, high, "normal, windows"))
