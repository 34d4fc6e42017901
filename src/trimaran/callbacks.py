"""What Keras does by callbacks and Trimaran by settings: values for `fit(callbacks=[...])`.

Each is turned into the training setting that does the same; nothing is called back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from trimaran.errors import RecipeError
from trimaran.training import stopping
from trimaran.training.schedules import Constant, ReduceOnPlateau
from trimaran.training.settings import Training


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when `monitor` has not improved by more than `min_delta` for `patience` epochs.

    Keras's arguments, order and defaults but for `verbose`, `baseline` and `start_from_epoch`.
    """

    monitor: str = "val_loss"
    min_delta: float = 0.0
    patience: int = 0
    mode: str = "auto"
    restore_best_weights: bool = False

    def apply(self, training: Training) -> Training:
        """The settings with this rule."""
        rule = stopping.EarlyStopping(
            self.monitor, self.patience, abs(self.min_delta), self.mode, self.restore_best_weights
        )
        return replace(training, early_stopping=rule)


@dataclass(frozen=True)
class ReduceLROnPlateau:
    """Multiply the learning rate by `factor` when `monitor` has stopped improving."""

    monitor: str = "val_loss"
    factor: float = 0.1
    patience: int = 10
    min_delta: float = 1e-4
    cooldown: int = 0
    min_lr: float = 0.0

    def apply(self, training: Training) -> Training:
        """The settings with this schedule."""
        if training.schedule != Constant():
            raise RecipeError(
                "ReduceLROnPlateau is a schedule, and the settings have another one "
                f"({type(training.schedule).__name__}); take one of them away."
            )
        rule = ReduceOnPlateau(
            self.monitor, self.factor, self.patience, self.min_delta, self.cooldown, self.min_lr
        )
        return replace(training, schedule=rule)


Callback = EarlyStopping | ReduceLROnPlateau


def applied(callbacks: Sequence[Any] | Any | None, training: Training) -> Training:
    """The settings with every callback's.

    Raises:
        RecipeError: a callback that Trimaran has no setting for.
    """
    given = callbacks if isinstance(callbacks, list | tuple) else [callbacks]
    for callback in given:
        if callback is None:
            continue
        if not isinstance(callback, Callback):
            raise RecipeError(
                f"The callback {type(callback).__name__} cannot be used: fit takes EarlyStopping "
                "and ReduceLROnPlateau of trimaran.callbacks; clipping, averaging, schedules and "
                "time limits are settings, given as compile(..., training={'clip_norm': 1.0}), "
                "and checkpoints and TensorBoard belong to trimaran.train."
            )
        training = callback.apply(training)
    return training


__all__ = ["Callback", "EarlyStopping", "ReduceLROnPlateau", "applied"]
