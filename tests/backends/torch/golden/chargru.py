"""chargru in PyTorch, 268,161 parameters.

input (N, ?) -> output (N, ?, 65)

Written by Trimaran from the description ea1e86fb81f0.
"""

import torch.nn.functional as F
from torch import nn


class Chargru(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(65, 64)
        self.gru = nn.GRU(64, 256, batch_first=True)
        self.fc = nn.Linear(256, 65)

    def logits(self, x):
        x = self.embed(x)
        x = self.gru(x)[0]
        return self.fc(x)

    def forward(self, x):
        return F.softmax(self.logits(x), dim=-1)


def initialise(module):
    if isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=1.0)
    if isinstance(module, nn.GRU):
        nn.init.xavier_uniform_(module.weight_ih_l0)
        nn.init.orthogonal_(module.weight_hh_l0)
        nn.init.zeros_(module.bias_ih_l0)
        nn.init.zeros_(module.bias_hh_l0)


def build():
    """The network with fresh weights."""
    return Chargru().apply(initialise)
