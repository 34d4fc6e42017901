"""mlp-100-64-10 in PyTorch, 7,114 parameters.

input (N, 100) -> output (N, 10)

Written by Trimaran from the description 3a6914b3a71e.
"""

import torch.nn.functional as F
from torch import nn


class Mlp1006410(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense1 = nn.Linear(100, 64)
        self.dense2 = nn.Linear(64, 10)

    def logits(self, x):
        x = F.relu(self.dense1(x))
        return self.dense2(x)

    def forward(self, x):
        return F.softmax(self.logits(x), dim=-1)


def initialise(module):
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)


def build():
    """The network with fresh weights."""
    return Mlp1006410().apply(initialise)
