"""Losses and metrics of an epoch, added up without waiting for the device at each step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trimaran.backends.torch.losses import Criterion, figure

Total = Tensor | float


@dataclass(frozen=True)
class Entry:
    """What one batch left behind: sums and denominators by output, its outputs and targets."""

    number: int
    sums: Mapping[str, Tensor]
    totals: Mapping[str, Total]
    outputs: Mapping[str, Tensor]
    targets: Mapping[str, Tensor]


@dataclass
class Tally:
    """Sums over the batches so far. Entries wait on the device until `drain` reads them all.

    Every figure is added batch by batch in float64, in order, so the sums do not depend on how
    often they were read.
    """

    criterion: Criterion
    sums: dict[str, float] = field(default_factory=dict)
    pending: list[Entry] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        self.pending.append(entry)

    def drain(self) -> list[tuple[int, float]]:
        """Reads the waiting entries; each batch's number and loss, in order."""
        entries, self.pending = self.pending, []
        if not entries:
            return []
        losses = np.zeros(len(entries))
        for name, loss in self.criterion.losses.items():
            sums, totals = _read(entries, name)
            self._add(f"{name}/sum", sums)
            self._add(f"{name}/total", totals)
            with np.errstate(invalid="ignore", divide="ignore"):
                losses += loss.weight * np.where(totals > 0, sums / totals, sums)
            self._add_figures(name, entries)
        return [(entry.number, float(loss)) for entry, loss in zip(entries, losses, strict=True)]

    def _add_figures(self, name: str, entries: list[Entry]) -> None:
        lengths = [len(entry.targets[name]) for entry in entries]
        self._add(f"{name}/rows", np.array(lengths, float))
        wanted = self.criterion.objective.figures(name)
        if not wanted:
            return
        output = torch.cat([entry.outputs[name] for entry in entries])
        target = torch.cat([entry.targets[name] for entry in entries])
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        for metric in wanted:
            rows = figure(metric, self.criterion.losses[name], output, target).cpu().numpy()
            self._add(f"{name}/{metric}", np.add.reduceat(rows, starts))

    def _add(self, key: str, values: np.ndarray) -> None:
        total = self.sums.get(key, 0.0)
        for value in values.tolist():
            total += value
        self.sums[key] = total

    def examples(self) -> int:
        """Rows read so far."""
        return int(self.sums.get(f"{next(iter(self.criterion.losses))}/rows", 0))

    def metrics(self) -> dict[str, float]:
        """Means so far under Keras's keys: "loss", and with several outputs "<output>_loss"."""
        losses = self.criterion.losses
        means = {k: _mean(self.sums, k, "sum", "total") for k in losses}
        found = {"loss": sum(losses[k].weight * mean for k, mean in means.items())}
        for name, mean in means.items():
            prefix = f"{name}_" if len(losses) > 1 else ""
            if prefix:
                found[f"{prefix}loss"] = mean
            for metric in self.criterion.objective.figures(name):
                found[prefix + metric] = _mean(self.sums, name, metric, "rows")
        return found

    def restore(self, sums: Mapping[str, Any]) -> None:
        self.sums = {key: float(value) for key, value in sums.items()}


def _read(entries: list[Entry], name: str) -> tuple[np.ndarray, np.ndarray]:
    sums = torch.stack([entry.sums[name] for entry in entries]).double().cpu().numpy()
    totals = [entry.totals[name] for entry in entries]
    tensors = [total for total in totals if isinstance(total, Tensor)]
    if tensors:
        return sums, torch.stack(tensors).double().cpu().numpy()
    return sums, np.array(totals, float)


def _mean(sums: Mapping[str, float], name: str, what: str, by: str) -> float:
    total = sums.get(f"{name}/{by}", 0.0)
    return sums.get(f"{name}/{what}", 0.0) / total if total else math.nan


def names(criterion: Criterion) -> list[str]:
    """The keys that `Tally.metrics` will have."""
    return list(Tally(criterion).metrics())
