"""PyTorch's attention as one operation that torch.export meets by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trimaran.errors import ConversionError

ATTENTION = "trimaran::attention"


@dataclass
class Told:
    """What an attention was told of its keys at each call, in order, and how many are exported."""

    seen: list[str] = field(default_factory=list)
    exported: int = 0


class Attention(nn.MultiheadAttention):
    """PyTorch's layer, which tells torch.export that it is one operation."""

    told: Told

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, None]:
        if not self.batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        given = (query, key, value, arrays_of(self), self.num_heads)
        if torch.compiler.is_exporting():
            seen = self.told.seen[self.told.exported]
            self.told.exported += 1
            made = operation(*given, float(self.dropout), seen)
        else:
            self.told.seen.append(seen_of(attn_mask, key_padding_mask))
            mask = attn_mask
            if mask is not None and mask.dtype == torch.bool:
                mask = ~mask  # PyTorch's two functions take a mask in opposite ways
            made = attended(*given, float(self.dropout) if self.training else 0.0, mask)
        return (made if self.batch_first else made.transpose(0, 1)), None


def arrays_of(layer: Any) -> list[Tensor]:
    """Weights, and the biases where it has them, of what bears their names."""
    weights = [layer.in_proj_weight, layer.out_proj.weight]
    return weights if layer.in_proj_bias is None else [
        *weights, layer.in_proj_bias, layer.out_proj.bias
    ]  # fmt: skip


def tell(module: Any, path: str) -> None:
    """Make PyTorch's attention one that tells, in place."""
    odd = {
        "kdim or vdim": not module._qkv_same_embed_dim,
        "add_bias_kv": module.bias_k is not None,
        "add_zero_attn": module.add_zero_attn,
    }
    for argument, given in odd.items():
        if given:
            raise ConversionError(
                f"MultiheadAttention {path}: {argument} has no layer in a description; leave it "
                "out, and project keys and values to the same features first."
            )
    module.__class__ = Attention
    module.told = Told()


def seen_of(attn_mask: Tensor | None, padding: Tensor | None) -> str:
    """Which keys the masks leave: "all", "causal", "some", or "padding" where rows differ."""
    if padding is not None:
        return "padding"
    if attn_mask is None:
        return "all"
    forbidden = attn_mask if attn_mask.dtype == torch.bool else attn_mask == -torch.inf
    added = 0 if attn_mask.dtype == torch.bool else attn_mask.masked_fill(forbidden, 0.0).any()
    if added or attn_mask.dim() != 2:
        return "some"
    late = torch.ones_like(forbidden).triu(1)
    return "causal" if torch.equal(forbidden, late) else "some" if forbidden.any() else "all"


def attended(
    query: Tensor, key: Tensor, value: Tensor, arrays: list[Tensor], heads: int, rate: float,
    mask: Tensor | None,
) -> Tensor:  # fmt: skip
    """softmax(Q K^T / sqrt(d)) V, batch first. A key's bias changes nothing, and is not trained."""
    weight, last, *biases = arrays
    q_bias, _, v_bias = biases[0].chunk(3) if biases else (None, None, None)
    made = map(F.linear, (query, key, value), weight.chunk(3), (q_bias, None, v_bias))
    q, k, v = (x.reshape(*x.shape[:2], heads, -1).transpose(1, 2) for x in made)
    joined = F.scaled_dot_product_attention(q, k, v, mask, rate).transpose(1, 2).flatten(2)
    return F.linear(joined, last, biases[1] if biases else None)


@torch.library.custom_op(ATTENTION, mutates_args=())
def operation(
    query: Tensor, key: Tensor, value: Tensor, arrays: list[Tensor], heads: int, rate: float,
    seen: str,
) -> Tensor:  # fmt: skip
    """The operation by name; only torch.export meets it, which computes nothing."""
    return attended(query, key, value, arrays, heads, 0.0, None)


@operation.register_fake
def _(query: Tensor, *given: Any) -> Tensor:
    return torch.empty_like(query)
