"""Dropout decided from outside for code that is not ours, by module or by function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


class Dropping(TorchFunctionMode):
    """While entered, each call of dropout keeps what the next mask keeps; without masks every
    call keeps all."""

    def __init__(self, masks: Iterable[np.ndarray] = ()) -> None:
        super().__init__()
        self.masks: Iterator[np.ndarray] = iter(tuple(masks))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func is nn.functional.scaled_dot_product_attention:
            return self._attended(*args, **given)
        if func not in (nn.functional.dropout, torch.dropout):
            return func(*args, **given)
        x: Tensor = args[0] if args else given["input"]
        rate = args[1] if len(args) > 1 else given.get("p", 0.5)
        mask = next(self.masks, None) if rate else None
        if mask is None:
            return x
        return _kept(x, mask, rate)

    def _attended(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        *,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        """The arguments of PyTorch's function, whose weights are written out where a mask says
        which of them are kept."""
        mask = next(self.masks, None) if dropout_p else None
        if mask is None:
            call = nn.functional.scaled_dot_product_attention
            return call(
                query, key, value, attn_mask, 0.0, is_causal, scale=scale, enable_gqa=enable_gqa
            )
        scores = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
        seen = _early(scores) if is_causal else attn_mask
        if seen is not None:
            scores = scores.masked_fill(~seen, -torch.inf) if seen.dtype == torch.bool else (
                scores + seen
            )  # fmt: skip
        return _kept(scores.softmax(-1), mask, dropout_p) @ value


def _kept(x: Tensor, mask: np.ndarray, rate: float) -> Tensor:
    return x * torch.from_numpy(mask).reshape(x.shape).to(x) / (1 - rate)


def _early(scores: Tensor) -> Tensor:
    """Each query sees the keys up to its own place."""
    return torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()


class Heads(TorchFunctionMode):
    """While entered, remembers what each softmax and sigmoid took."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[tuple[Tensor, Tensor]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") in ("softmax", "sigmoid"):
            self.taken.append((made, args[0] if args else (kwargs or {})["input"]))
        return made

    def below(self, output: Tensor) -> Tensor | None:
        """The logits of this very output, if one of these functions made it."""
        return next((taken for made, taken in self.taken if made is output), None)
