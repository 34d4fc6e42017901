"""patchtst in PyTorch, 80,208 parameters.

input (N, 336, 7) -> output (N, 96, 7)

Written by Trimaran from the description 044dade97285.
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


class RowAttention(MultiHeadAttention):
    """Attention of sequences beside each other, (batch, rows, time, features), each to itself."""

    def forward(self, x):
        return super().forward(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class PatchBlock(nn.Module):
    def __init__(self, in_channels, num_heads, intermediate_dim):
        super().__init__()
        self.attention = RowAttention(in_channels, num_heads)
        self.drop1 = nn.Dropout(0.3)
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.wide = nn.Linear(in_channels, intermediate_dim)
        self.drop2 = nn.Dropout(0.3)
        self.narrow = nn.Linear(intermediate_dim, in_channels)
        self.drop3 = nn.Dropout(0.3)
        self.bn2 = nn.BatchNorm2d(in_channels)

    def forward(self, x):
        y = self.drop1(self.attention(x.permute(0, 2, 3, 1)))
        x = self.bn1(x + y.permute(0, 3, 1, 2))
        y = self.drop2(F.gelu(self.wide(x.permute(0, 2, 3, 1))))
        y = self.drop3(self.narrow(y))
        return self.bn2(x + y.permute(0, 3, 1, 2))


class Patchtst(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(336, elementwise_affine=False)
        self.patches = nn.Conv2d(1, 16, (1, 16), stride=(1, 8))
        self.places = nn.Embedding(41, 16)
        self.bn = nn.BatchNorm2d(16)
        self.drop = nn.Dropout(0.3)
        self.blocks = nn.Sequential(
            *[PatchBlock(16, num_heads=4, intermediate_dim=128) for _ in range(3)]
        )
        self.head = nn.Linear(656, 96)

    def forward(self, x):
        y = x.transpose(1, 2).mean(dim=2, keepdim=True)
        x = x.transpose(1, 2) - y
        z = self.norm(x)
        x = x * z
        x = x.mean(dim=2, keepdim=True)
        z = z.reshape(-1, 7, 336, 1)
        z = self.patches(z.permute(0, 3, 1, 2))
        z = z.permute(0, 2, 3, 1) + self.places.weight
        z = self.drop(self.bn(z.permute(0, 3, 1, 2)))
        z = self.blocks(z)
        z = z.permute(0, 2, 3, 1).reshape(-1, 7, 656)
        z = self.head(z)
        x = z * x
        return (x + y).transpose(1, 2)


def initialise(module):
    if isinstance(module, nn.Embedding):
        nn.init.uniform_(module.weight, -0.05, 0.05)
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    if isinstance(module, MultiHeadAttention):
        for weight in module.in_proj_weight.chunk(3):
            nn.init.xavier_uniform_(weight)
        nn.init.xavier_uniform_(module.out_proj.weight)
        nn.init.zeros_(module.in_proj_bias)
        nn.init.zeros_(module.out_proj.bias)


def build():
    """The network with fresh weights."""
    model = Patchtst().apply(initialise)
    nn.init.uniform_(model.get_submodule("head").weight, -0.03904344047215151, 0.03904344047215151)
    nn.init.uniform_(model.get_submodule("head").bias, -0.03904344047215151, 0.03904344047215151)
    return model
