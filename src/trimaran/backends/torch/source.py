"""The emitted source's network."""

from __future__ import annotations

import torch
from torch import nn

from trimaran.emit.loading import load


def network(source: str) -> nn.Module:
    """What the text's `build()` returns, without storage: the weights are assigned later."""
    with torch.device("meta"):
        built: nn.Module = load(source).build()
    return built
