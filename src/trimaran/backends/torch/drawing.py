"""Dropout on a CPU at a fraction of its cost: masks as random as PyTorch's, drawn otherwise.

PyTorch draws a random number for each entry, one after the other (12 ns each where its build has
no vector library for the processor), and the attention that drops weights computes all of them,
also those that a causal one may not see. Here four entries share the 64 bits of one draw, and
blocks of queries meet no later keys. A step of a small GPT with 20 % dropped takes four fifths as
long (docs/results.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from trimaran.backends.torch.dropping import attention_arguments

BLOCK = 64
"""Queries that a causal attention takes at once: of 256 steps 5/8 of the weights are computed."""


class Drawing(TorchFunctionMode):
    """While entered, `dropout` and attention that drops weights draw their masks as `kept` does,
    from PyTorch's generator. What else they are asked for, PyTorch does itself."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func is F.dropout:
            return dropout(*args, **given)
        if func is F.scaled_dot_product_attention:
            named = attention_arguments(args, given)
            if _plain(named):
                q, k, v = (named[name] for name in ("query", "key", "value"))
                return attention(q, k, v, named["dropout_p"], named.get("is_causal", False))
        return func(*args, **given)


def drops(network: nn.Module) -> bool:
    """Whether a module of it has a rate of dropout, of its own or of an attention's weights."""
    rates = (
        module.p if isinstance(module, nn.Dropout) else getattr(module, "dropout", 0.0)
        for module in network.modules()
    )
    return any(isinstance(rate, float) and rate > 0 for rate in rates)


def drawing(outputs: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its masks drawn here."""

    def run(*inputs: Tensor) -> Any:
        with Drawing():
            return outputs(*inputs)

    return run


def kept(like: Tensor, rate: float) -> Tensor:
    """As many entries: 0 at a share `rate`, rounded to 1/65,536, and elsewhere 1 / (1 - rate)."""
    words = torch.empty((like.numel() + 3) // 4, dtype=torch.int64)
    halves = words.random_(-(2**63), None).view(torch.int16)[: like.numel()]
    keeps = halves.view(like.shape) >= round(rate * 2**16) - 2**15
    return keeps * torch.tensor(1 / (1 - rate), dtype=like.dtype)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`torch.nn.functional.dropout`."""
    if not training or inplace or not 0 < p < 1 or not input.is_cpu:
        return F.dropout(input, p, training, inplace)
    return input * kept(input, p)


def _plain(named: dict[str, Any]) -> bool:
    """Whether it drops weights on a CPU, by no mask but the causal one of a sequence to itself."""
    query, causal = named["query"], named.get("is_causal", False)
    other = ("attn_mask", "scale", "enable_gqa")
    return (
        0 < named.get("dropout_p", 0.0) < 1
        and query.is_cpu
        and not any(named.get(name) is not None and named[name] is not False for name in other)
        and query.shape[:-2] == named["key"].shape[:-2]
        and (not causal or query.shape[-2] == named["key"].shape[-2])
    )


def attention(query: Tensor, key: Tensor, value: Tensor, rate: float, causal: bool) -> Tensor:
    """softmax(Q K' / sqrt(d)) V, each (..., time, d), of which `rate` of the weights are dropped;
    under autocast in its precision, as PyTorch's function computes."""
    if torch.is_autocast_enabled("cpu"):
        half = torch.get_autocast_dtype("cpu")
        query, key, value = query.to(half), key.to(half), value.to(half)
    with torch.autocast("cpu", enabled=False):
        q = (query * query.shape[-1] ** -0.5).flatten(0, -3)
        k, v = key.flatten(0, -3), value.flatten(0, -3)
        steps, found = q.shape[1], []
        for begin in range(0, steps, BLOCK if causal else steps):
            end = min(begin + BLOCK, steps) if causal else steps
            seen = end if causal else k.shape[1]
            weights = _scores(q[:, begin:end], k[:, :seen], begin, causal).softmax(-1)
            found.append((weights * kept(weights, rate)) @ v[:, :seen])
        return torch.cat(found, 1).view(*query.shape[:-1], value.shape[-1])


def _scores(q: Tensor, k: Tensor, begin: int, causal: bool) -> Tensor:
    """Of some queries, the first of which stands at `begin`, to the keys up to the last of them."""
    if not causal:
        return q @ k.mT
    late = torch.full((q.shape[1], k.shape[1]), -torch.inf, dtype=q.dtype).triu_(begin + 1)
    return torch.baddbmm(late, q, k.mT)
