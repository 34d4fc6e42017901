"""The tensors of a run as plain arrays, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from trimaran.backends.torch.optimizers import Averages, Update, fill
from trimaran.training.engine import Groups


@dataclass
class Held:
    """The tensors of a run: network, optimizer slots, averages, and a copy of the best."""

    network: nn.Module
    update: Update
    averages: Averages | None
    best: dict[str, Tensor]


def capture(held: Held) -> dict[str, dict[str, np.ndarray]]:
    """Every group of a checkpoint; the arrays may share memory with the tensors."""
    groups = {"model": held.network.state_dict(), "optimizer": held.update.state()}
    if held.averages:
        groups["averages"] = held.averages.tensors
    if held.best:
        groups["best"] = held.best
    return {
        group: {key: tensor.detach().cpu().numpy() for key, tensor in tensors.items()}
        for group, tensors in groups.items()
    }


def restore(held: Held, groups: Groups, count: int) -> None:
    """Fills the tensors in place, so that they keep their strides.

    Raises `RunError` where the groups are of another network or optimizer.
    """
    fill(held.network.state_dict(), groups["model"], "model")
    held.update.restore(groups.get("optimizer", {}), count)
    if held.averages:
        fill(held.averages.tensors, groups.get("averages", {}), "moving average")
    if "best" in groups:
        held.best = copy_of(held.network)
        fill(held.best, groups["best"], "best weights")


def copy_of(network: nn.Module) -> dict[str, Tensor]:
    """The network's parameters and buffers, copied in their memory layout."""
    return {key: tensor.detach().clone() for key, tensor in network.state_dict().items()}
