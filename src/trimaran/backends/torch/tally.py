"""What batches leave on the device until the loop asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from trimaran.backends.torch.losses import Criterion, figure
from trimaran.training.engine import Sums

Total = Tensor | float


@dataclass(frozen=True)
class Entry:
    """What one batch left behind: sums and denominators by output, its outputs and targets."""

    number: int
    sums: Mapping[str, Tensor]
    totals: Mapping[str, Total]
    outputs: Mapping[str, Tensor]
    targets: Mapping[str, Tensor]

    def detached(self) -> Entry:
        """The same without the graph of gradients."""
        return replace(
            self,
            sums={name: value.detach() for name, value in self.sums.items()},
            outputs={name: value.detach() for name, value in self.outputs.items()},
        )


@dataclass
class Waiting:
    """Entries wait on the device until `drain` reads them all at once."""

    criterion: Criterion
    pending: list[Entry] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        self.pending.append(entry)

    def drain(self) -> Sums:
        """Reads the waiting entries, in order."""
        entries, self.pending = self.pending, []
        values: dict[str, np.ndarray] = {}
        for name in self.criterion.losses if entries else ():
            values[f"{name}/sum"], values[f"{name}/total"] = _read(entries, name)
            values |= self._figures(name, entries)
        return Sums(tuple(entry.number for entry in entries), values)

    def _figures(self, name: str, entries: list[Entry]) -> dict[str, np.ndarray]:
        lengths = [len(entry.targets[name]) for entry in entries]
        found = {f"{name}/rows": np.array(lengths, float)}
        wanted = self.criterion.objective.figures(name)
        if not wanted:
            return found
        output = torch.cat([entry.outputs[name] for entry in entries])
        target = torch.cat([entry.targets[name] for entry in entries])
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        for metric in wanted:
            rows = figure(metric, self.criterion.losses[name], output, target).cpu().numpy()
            found[f"{name}/{metric}"] = np.add.reduceat(rows, starts)
        return found


def _read(entries: list[Entry], name: str) -> tuple[np.ndarray, np.ndarray]:
    sums = torch.stack([entry.sums[name] for entry in entries]).double().cpu().numpy()
    totals = [entry.totals[name] for entry in entries]
    tensors = [total for total in totals if isinstance(total, Tensor)]
    if tensors:
        return sums, torch.stack(tensors).double().cpu().numpy()
    return sums, np.array(totals, float)
