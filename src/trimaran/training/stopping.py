"""The best epoch so far and when to stop waiting for a better one, as a pure state machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from trimaran.errors import TrainingError
from trimaran.training.naming import nearest, require

# Words in the name of a figure of which more is better; of all others less is.
_MORE_IS_BETTER = ("accuracy", "auc", "f1", "precision", "recall", "r2", "score")


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when `monitor` has not improved by more than `min_delta` for `patience` epochs.

    Arguments as in Keras's EarlyStopping.

    monitor:    a figure of each epoch, such as "val_loss" or "val_accuracy"
    patience:   epochs to wait for a better one
    min_delta:  what it must be better by
    mode:       "min" where less is better, "max" where more is; "auto" goes by the figure's name
    restore_best_weights: on here, because the weights of an epoch that was already judged worse
        are of no use to anyone
    """

    monitor: str = "val_loss"
    patience: int = 3
    min_delta: float = 0.0
    mode: str = "auto"
    restore_best_weights: bool = True

    def __post_init__(self) -> None:
        require(self.patience >= 0, "early_stopping.patience", self.patience, "at least 0")
        require(self.min_delta >= 0, "early_stopping.min_delta", self.min_delta, "at least 0")
        modes = ("auto", "min", "max")
        require(self.mode in modes, "early_stopping.mode", self.mode, "auto, min or max")


@dataclass(frozen=True)
class Best:
    """The best epoch so far; `waited` epochs have passed since then."""

    value: float | None = None
    epoch: int = 0
    step: int = 0
    waited: int = 0


def oriented(monitor: str, value: float, mode: str = "auto") -> float:
    """The value with a sign such that less is better."""
    more = mode == "max" or (mode == "auto" and any(w in monitor for w in _MORE_IS_BETTER))
    return -value if more else value


def watched(metrics: Mapping[str, float], monitor: str) -> float:
    """The monitored figure of an epoch; `TrainingError` if the epoch has none of that name."""
    if monitor not in metrics:
        raise TrainingError(
            f"The figure {monitor!r} is to be monitored, but an epoch has none of that name; "
            f"{nearest(monitor, sorted(metrics))}"
        )
    return metrics[monitor]


def judge(rule: EarlyStopping, best: Best, value: float, epoch: int, step: int) -> Best:
    """The state after an epoch; NaN is never an improvement."""
    value = oriented(rule.monitor, value, rule.mode)
    if value == value and (best.value is None or value < best.value - rule.min_delta):
        return Best(value, epoch, step, 0)
    return replace(best, waited=best.waited + 1)


def enough(rule: EarlyStopping, best: Best) -> bool:
    """Whether the wait is over: as in Keras, `patience` epochs without improvement, at least 1."""
    return best.waited >= max(rule.patience, 1)
