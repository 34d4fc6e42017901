"""mnist-mlp-128 in PyTorch, 101,770 parameters.

input (N, 1, 28, 28) -> output (N, 10)

Written by Trimaran from the description 8c3913486314.
"""

import torch
import torch.nn.functional as F
from torch import nn


class MnistMlp128(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense1 = nn.Linear(784, 128)
        self.dense2 = nn.Linear(128, 10)

    def logits(self, x):
        x = torch.flatten(x, 1)
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
    return MnistMlp128().apply(initialise)
