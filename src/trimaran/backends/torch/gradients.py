"""Derivatives of the loss by autograd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import torch
from torch import Tensor, nn

from trimaran.backends.torch.losses import Criterion
from trimaran.tasks.loss import Loss, Objective


def batch_loss(
    outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor], losses: Mapping[str, Loss]
) -> Tensor:
    """The loss of one batch whose rows weigh alike."""
    dtype = next(iter(outputs.values())).dtype
    criterion = Criterion(Objective(dict(losses)), dtype=dtype)
    sums, totals = {}, {}
    for name, output in outputs.items():
        rows, totals[name] = criterion.row_weights(name, targets[name], None)
        sums[name] = criterion.sum(name, output, targets[name], rows)
    return criterion.mean(sums, totals)


def derivatives(
    loss: Tensor, network: nn.Module, inputs: Sequence[Tensor], taps: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], list[Tensor], dict[str, Tensor]]:
    """∂loss by the trainable parameters, the inputs, and the tapped values."""
    parameters = {name: p for name, p in network.named_parameters() if p.requires_grad}
    wanted = [*parameters.values(), *inputs, *taps.values()]
    grads = torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)
    found: Iterator[Tensor] = iter(grads)
    by_parameter = dict(zip(parameters, islice(found, len(parameters)), strict=True))
    by_input = list(islice(found, len(inputs)))
    return by_parameter, by_input, dict(zip(taps, found, strict=True))
