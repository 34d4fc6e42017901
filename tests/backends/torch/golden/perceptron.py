"""perceptron in PyTorch, 3 parameters.

input (N, 2) -> output (N, 1)

Written by Trimaran from the description 769c7f550064.
"""

import torch
from torch import nn


class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense1 = nn.Linear(2, 1)

    def logits(self, x):
        return self.dense1(x)

    def forward(self, x):
        return torch.sigmoid(self.logits(x))


def initialise(module):
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)


def build():
    """The network with fresh weights."""
    return Perceptron().apply(initialise)
