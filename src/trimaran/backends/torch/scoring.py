"""A network scored on a split: in float32 and inference mode, whatever trains."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from trimaran.backends.torch.execution import full_float32
from trimaran.backends.torch.losses import Criterion, Outputs
from trimaran.backends.torch.memory import Source
from trimaran.backends.torch.tally import Entry, Waiting
from trimaran.data.batches import consecutive
from trimaran.training.engine import Sums


@torch.no_grad()
def score(
    network: nn.Module,
    outputs: Callable[..., Outputs],
    criterion: Criterion,
    source: Source,
    batch_size: int,
) -> Sums:
    """What every batch leaves behind. The network's mode is as before afterwards."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    waiting = Waiting(criterion)
    with full_float32():
        for batch in source.batches(consecutive(len(source), batch_size)):
            made = outputs(*batch.inputs)
            waiting.add(entry_of(batch.number, criterion, made, batch.targets, batch.weights))
    found = waiting.drain()
    for module, training in modes.items():
        module.training = training
    return found


def entry_of(
    number: int,
    criterion: Criterion,
    found: Outputs,
    targets: dict[str, torch.Tensor],
    weights: torch.Tensor | None,
) -> Entry:
    """A batch's loss sums and denominators, detached."""
    sums, totals = {}, {}
    for name in criterion.losses:
        by_row, totals[name] = criterion.row_weights(name, targets[name], weights)
        sums[name] = criterion.sum(name, found[name], targets[name], by_row)
    return Entry(number, sums, totals, found, targets)
