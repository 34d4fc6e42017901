"""Losses and metrics of an epoch, added up batch by batch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trimaran.tasks.loss import Objective
from trimaran.training.engine import Sums


@dataclass
class Tally:
    """Sums over the batches so far, in float64 and in order, so that they do not depend on how
    often an engine was asked for them."""

    objective: Objective
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, found: Sums) -> list[tuple[int, float]]:
        """Takes in what batches left behind; each batch's number and loss, in order."""
        for key, values in found.values.items():
            total = self.sums.get(key, 0.0)
            for value in values.tolist():
                total += value
            self.sums[key] = total
        return list(zip(found.numbers, self._losses(found).tolist(), strict=True))

    def _losses(self, found: Sums) -> np.ndarray:
        losses = np.zeros(len(found.numbers))
        for name, loss in self.objective.losses.items() if found.numbers else ():
            sums, totals = found.values[f"{name}/sum"], found.values[f"{name}/total"]
            with np.errstate(invalid="ignore", divide="ignore"):
                losses += loss.weight * np.where(totals > 0, sums / totals, sums)
        return losses

    def examples(self) -> int:
        """Rows read so far."""
        return int(self.sums.get(f"{next(iter(self.objective.losses))}/rows", 0))

    def metrics(self) -> dict[str, float]:
        """Means so far under Keras's keys: "loss", and with several outputs "<output>_loss"."""
        losses = self.objective.losses
        means = {k: _mean(self.sums, k, "sum", "total") for k in losses}
        found = {"loss": sum(losses[k].weight * mean for k, mean in means.items())}
        for name, mean in means.items():
            prefix = f"{name}_" if len(losses) > 1 else ""
            if prefix:
                found[f"{prefix}loss"] = mean
            for metric in self.objective.figures(name):
                found[prefix + metric] = _mean(self.sums, name, metric, "rows")
        return found

    def restore(self, sums: Mapping[str, Any]) -> None:
        self.sums = {key: float(value) for key, value in sums.items()}


def _mean(sums: Mapping[str, float], name: str, what: str, by: str) -> float:
    total = sums.get(f"{name}/{by}", 0.0)
    return sums.get(f"{name}/{what}", 0.0) / total if total else math.nan


def metrics(objective: Objective, found: Sums) -> dict[str, float]:
    """Mean loss and metrics of a whole split."""
    tally = Tally(objective)
    tally.add(found)
    return tally.metrics()


def names(objective: Objective) -> list[str]:
    """The keys that `Tally.metrics` will have."""
    return list(Tally(objective).metrics())
