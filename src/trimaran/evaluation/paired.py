"""Two models on the same rows: how much better one of them is, and whether that is certain."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trimaran.evaluation.intervals import Z


@dataclass(frozen=True)
class Verdict:
    """How much better the network is on the same rows: the mean of its gain in each, with a 95 %
    interval of paired rows; a single row has none."""

    gain: float
    low: float | None
    high: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return "One row says nothing of who is better"
        if self.low > 0:
            return "The network is better than the baseline"
        return "The baseline is better" if self.high < 0 else "Neither is better for certain"


def paired(network: np.ndarray, baseline: np.ndarray) -> Verdict:
    """Of (N,) gains per row, such as 1 where the answer is right: a normal interval of the mean of
    their differences."""
    apart = np.asarray(network, np.float64) - np.asarray(baseline, np.float64)
    mean = float(apart.mean())
    if len(apart) < 2:
        return Verdict(mean, None, None)
    spread = float(Z * apart.std(ddof=1) / np.sqrt(len(apart)))
    return Verdict(mean, mean - spread, mean + spread)
