"""Derivatives of the loss by autograd, as NumPy arrays in the neutral layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from trimaran.backends.protocol import Gradients
from trimaran.backends.torch.losses import batch_loss

if TYPE_CHECKING:
    from trimaran.backends.torch.build import TorchNetwork


def gradients(
    network: TorchNetwork,
    inputs: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    losses: Mapping[str, Any],
    taps: Sequence[str],
) -> Gradients:
    """The loss of the batch, and its gradients by parameters, inputs and tapped values."""
    tensors = [tensor.requires_grad_() for tensor in network.tensors(inputs)]
    goals = {name: torch.from_numpy(np.array(value)) for name, value in targets.items()}
    with network.listening(taps) as heard:
        outputs = network.logits(tensors)
    loss = batch_loss(outputs, goals, losses)
    parameters = {n: p for n, p in network.module.named_parameters() if p.requires_grad}
    wanted = [*parameters.values(), *tensors, *heard.values()]
    found = iter(torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True))
    return Gradients(
        float(loss.detach()),
        {name: next(found).numpy() for name in parameters},
        {port.name: _last(g := next(found), g.dim() == 4) for port in network.model.inputs},
        {path: _last(next(found), network.channels_first(path)) for path in heard},
    )


def _last(tensor: torch.Tensor, first: bool) -> np.ndarray:
    moved = tensor.movedim(1, -1) if first and tensor.dim() > 2 else tensor
    return np.ascontiguousarray(moved.numpy())
