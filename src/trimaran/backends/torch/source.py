"""The emitted source's network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from trimaran.emit.loading import load


def network(source: str) -> nn.Module:
    """What the text's `build()` returns, without storage: the weights are assigned later."""
    with torch.device("meta"), _Undrawn():
        built: nn.Module = load(source).build()
    return built


class _Undrawn(TorchFunctionMode):
    """Draws no normal numbers for tensors without storage: to do nothing for them, PyTorch imports
    its compiler, which takes seconds."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        given: tuple[Any, ...] = (),
        named: Mapping[str, Any] | None = None,
    ) -> Any:
        named = named or {}
        if function in (nn.init.normal_, Tensor.normal_):
            return [*given, *named.values()][0]
        return function(*given, **named)
