"""Dropout with masks from outside, so that two frameworks can drop the same entries."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from trimaran.training.engine import Arrays


@contextlib.contextmanager
def injected(network: nn.Module, masks: Arrays) -> Iterator[None]:
    """While entered, the dropout at each path keeps what its mask (batch first, channels-last)
    keeps; without masks nothing changes."""
    if not masks:
        yield
        return
    found = {path: network.get_submodule(path) for path in masks}
    for path, module in found.items():
        assert isinstance(module, nn.Dropout), f"{path} is no dropout"
        module.forward = _masked(masks[path], module.p)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for module in found.values():
            del module.forward


def _masked(mask: np.ndarray, rate: float):  # type: ignore[no-untyped-def]
    kept = torch.from_numpy(np.array(mask))

    def forward(x: Tensor) -> Tensor:
        given = kept.movedim(-1, 1) if kept.ndim > 2 and kept.shape != x.shape else kept
        return x * given.to(x) / (1 - rate)

    return forward
