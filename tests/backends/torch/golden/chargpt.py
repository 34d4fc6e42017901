"""chargpt in PyTorch, 1,206,593 parameters.

input (N, ?) -> output (N, ?, 65)

Written by Trimaran from the description 265708af0e13.
"""

import torch
import torch.nn.functional as F
from torch import nn


class MultiHeadAttention(nn.Module):
    """softmax(Q K^T / sqrt(d)) V in several heads, with the arrays of nn.MultiheadAttention."""

    def __init__(self, features, heads, key_dim=None, bias=True, causal=False, dropout=0.0):
        super().__init__()
        width = features if key_dim is None else heads * key_dim
        self.heads, self.causal, self.dropout = heads, causal, dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, features))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width)) if bias else None
        self.out_proj = nn.Linear(width, features, bias=bias)

    def forward(self, x, memory=None, keys=None):
        """Of x to memory, or to itself; `keys` (batch, time, 1) says which steps may be seen."""
        q, k, v = self.project(x, x if memory is None else memory)
        seen = None if keys is None else keys.mT[:, None]
        if self.causal and keys is not None:
            seen = seen & seen.new_ones(q.shape[2], k.shape[2]).tril()
        rate, causal = self.dropout if self.training else 0.0, self.causal and keys is None
        return self.join(F.scaled_dot_product_attention(q, k, v, seen, rate, causal))

    def project(self, x, memory, at=0):
        """Q of x, K and V of memory, each (batch, heads, time, d); x begins at step `at`."""
        bq = bias = bv = None
        if self.in_proj_bias is not None:  # K's adds the same to all scores: softmax takes it away
            bq, _, bv = self.in_proj_bias.chunk(3)
            bias = torch.cat((bq, torch.zeros_like(bq), bv))
        if memory is x:  # one product instead of three
            parts = F.linear(x, self.in_proj_weight, bias).chunk(3, dim=-1)
        else:
            wq, wk, wv = self.in_proj_weight.chunk(3)
            parts = F.linear(x, wq, bq), F.linear(memory, wk), F.linear(memory, wv, bv)
        return [self.split(part) for part in parts]

    def split(self, x):
        """(batch, time, width) -> (batch, heads, time, d)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def join(self, heads):
        """The heads side by side, (batch, time, features)."""
        return self.out_proj(heads.transpose(1, 2).flatten(2))


class RotaryAttention(MultiHeadAttention):
    """Attention to the own sequence whose queries and keys are turned by their positions."""

    def project(self, x, memory, at=0):
        parts = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        parts = parts.unflatten(-1, (3 * self.heads, -1)).transpose(1, 2)
        both, v = parts.split((2 * self.heads, self.heads), dim=1)
        q, k = turned(both, at).chunk(2, dim=1)
        return q, k, v


def turned(x, at=0):
    """Rotary positions: features i and i + d/2 of step t turned by the angle t / 10000^(2i/d)."""
    half, time = x.shape[-1] // 2, x.shape[-2]
    exact = {"dtype": torch.promote_types(x.dtype, torch.float32), "device": x.device}
    steps = torch.arange(time, **exact) + at
    speeds = 10000.0 ** (-torch.arange(half, **exact) / half)
    angles = steps.reshape(-1, 1, time, 1) * speeds
    cos, sin = angles.cos().to(x), angles.sin().to(x)
    straight, crossed = torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)
    return torch.addcmul(x * straight, x.roll(half, dims=-1), crossed)


class TransformerDecoderBlockRotary(nn.Module):
    def __init__(self, in_channels, num_heads, intermediate_dim):
        super().__init__()
        self.norm_attention = nn.LayerNorm(in_channels)
        self.attention = RotaryAttention(in_channels, num_heads, causal=True)
        self.norm_mlp = nn.LayerNorm(in_channels)
        self.wide = nn.Linear(in_channels, intermediate_dim)
        self.narrow = nn.Linear(intermediate_dim, in_channels)

    def forward(self, x):
        y = self.norm_attention(x)
        y = self.attention(y)
        x = x + y
        y = self.norm_mlp(x)
        y = F.gelu(self.wide(y))
        y = self.narrow(y)
        return x + y


class Chargpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(65, 128)
        self.blocks = nn.Sequential(
            *[
                TransformerDecoderBlockRotary(128, num_heads=4, intermediate_dim=512)
                for _ in range(6)
            ],
        )
        self.norm = nn.LayerNorm(128)
        self.fc = nn.Linear(128, 65)

    def logits(self, x):
        x = self.embed(x)
        x = self.norm(self.blocks(x))
        return self.fc(x)

    def forward(self, x):
        return F.softmax(self.logits(x), dim=-1)


def initialise(module):
    if isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
    if isinstance(module, MultiHeadAttention):
        nn.init.normal_(module.in_proj_weight, std=0.02)
        nn.init.normal_(module.out_proj.weight, std=0.02)
        nn.init.zeros_(module.in_proj_bias)
        nn.init.zeros_(module.out_proj.bias)


def build():
    """The network with fresh weights."""
    return Chargpt().apply(initialise)
