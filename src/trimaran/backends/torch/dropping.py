"""Dropout decided from outside for code that is not ours, by module or by function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

ATTENDED = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
"""The arguments of scaled_dot_product_attention that may stand by position, in their order."""


def attention_arguments(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a call of scaled_dot_product_attention, all by name."""
    return {**dict(zip(ATTENDED, args, strict=False)), **kwargs}


class Dropping(TorchFunctionMode):
    """While entered, each call of dropout keeps what the next mask keeps; without masks every
    call keeps all."""

    def __init__(self, masks: Iterable[np.ndarray] = ()) -> None:
        super().__init__()
        self.masks: Iterator[np.ndarray] = iter(tuple(masks))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func is nn.functional.scaled_dot_product_attention:
            return self._attended(attention_arguments(args, given))
        if func not in (nn.functional.dropout, torch.dropout):
            return func(*args, **given)
        x: Tensor = args[0] if args else given["input"]
        rate = args[1] if len(args) > 1 else given.get("p", 0.5)
        mask = next(self.masks, None) if rate else None
        if mask is None:
            return x
        return _kept(x, mask, rate)

    def _attended(self, given: dict[str, Any]) -> Tensor:
        """PyTorch's function, whose weights are written out where a mask says which of them are
        kept."""
        rate = given.get("dropout_p", 0.0)
        mask = next(self.masks, None) if rate else None
        if mask is None:
            made: Tensor = nn.functional.scaled_dot_product_attention(**{**given, "dropout_p": 0.0})
            return made
        query, value = given["query"], given["value"]
        scale, seen = given.get("scale") or query.shape[-1] ** -0.5, given.get("attn_mask")
        scores: Tensor = query @ given["key"].mT * scale
        seen = _early(scores) if given.get("is_causal") else seen
        if seen is not None and seen.dtype == torch.bool:
            scores = scores.masked_fill(~seen, -torch.inf)
        elif seen is not None:
            scores = scores + seen
        found: Tensor = _kept(scores.softmax(-1), mask, rate) @ value
        return found


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
