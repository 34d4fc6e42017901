"""xor-mlp in PyTorch, 33 parameters.

input (N, 2) -> output (N, 1)

Written by Trimaran from the description 100af9dc17d9.
"""

import torch
from torch import nn


class XorMlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense1 = nn.Linear(2, 8)
        self.dense2 = nn.Linear(8, 1)

    def logits(self, x):
        x = torch.tanh(self.dense1(x))
        return self.dense2(x)

    def forward(self, x):
        return torch.sigmoid(self.logits(x))


def initialise(module):
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)


def build():
    """The network with fresh weights."""
    return XorMlp().apply(initialise)
