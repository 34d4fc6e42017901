"""Are the probabilities true? Log loss, expected calibration error and the reliability table."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
BINS = 15  # as in Guo et al., "On Calibration of Modern Neural Networks", ICML 2017


def row_losses(true: Labels, probabilities: NDArray[Any]) -> Floats:
    """Minus the log probability of the true class, (n,), in nats.

    Probabilities are clipped to the machine epsilon of their type, as scikit-learn does.
    """
    chosen = probabilities[np.arange(len(true)), true]
    smallest = np.finfo(probabilities.dtype).eps
    losses: Floats = -np.log(np.clip(chosen, smallest, 1 - smallest)).astype(np.float64)
    return losses


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy in bins of equal width over (0, 1]; every array is (bins,).

    `gap` sums weight * miss, where miss is right - confidence; `spread` sums (weight * miss)^2 and
    `pull` weight^2 * miss, which the covariance of the gaps needs.
    """

    rows: NDArray[np.int64]
    weight: Floats
    confidence: Floats
    accuracy: Floats
    gap: Floats
    spread: Floats
    pull: Floats

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of confidence and accuracy over the rows."""
        return float(np.abs(self.gap).sum() / self.weight.sum())


def reliability(
    right: NDArray[np.bool_], confidence: Floats, weights: Floats, bins: int = BINS
) -> Reliability:
    """Sort rows into bins (low, high] by the confidence of their answer, in [0, 1]."""
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)

    def total(values: Floats) -> Floats:
        return np.bincount(place, values, minlength=bins).astype(np.float64)

    weight, missed = total(weights), right - confidence
    safe = np.where(weight > 0, weight, 1.0)
    return Reliability(
        rows=np.bincount(place, minlength=bins),
        weight=weight,
        confidence=total(weights * confidence) / safe,
        accuracy=total(weights * right) / safe,
        gap=total(weights * missed),
        spread=total((weights * missed) ** 2),
        pull=total(weights**2 * missed),
    )
