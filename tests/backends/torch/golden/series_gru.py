"""series-gru in PyTorch, 57,696 parameters.

input (N, 336, 7) -> output (N, 96, 7)

Written by Trimaran from the description 24118510e70f.
"""

import torch.nn.functional as F
from torch import nn


class SeriesGru(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(7, 64, batch_first=True)
        self.dropout1 = nn.Dropout(0.2)
        self.fc = nn.Linear(64, 672)

    def forward(self, x):
        y = F.pad(x.transpose(1, 2), (-335, 0))
        x = x.transpose(1, 2) - y
        x = self.dropout1(self.gru(x.transpose(1, 2))[0][:, -1])
        x = self.fc(x)
        x = x.reshape(-1, 96, 7)
        return (x.transpose(1, 2) + y).transpose(1, 2)


def initialise(module):
    if isinstance(module, nn.GRU):
        nn.init.xavier_uniform_(module.weight_ih_l0)
        nn.init.orthogonal_(module.weight_hh_l0)
        nn.init.zeros_(module.bias_ih_l0)
        nn.init.zeros_(module.bias_hh_l0)


def build():
    """The network with fresh weights."""
    return SeriesGru().apply(initialise)
