"""series-lstm in PyTorch, 62,112 parameters.

input (N, 336, 7) -> output (N, 96, 7)

Written by Trimaran from the description bc02e5fea4b1.
"""

import torch.nn.functional as F
from torch import nn


def one_bias(rnn):
    """Train one bias: the second, which is only added to it, stays 0."""
    for name, bias in rnn.named_parameters():
        if name.startswith("bias_hh"):
            nn.init.zeros_(bias).requires_grad_(False)
    return rnn


class SeriesLstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = one_bias(nn.LSTM(7, 64, batch_first=True))
        self.dropout1 = nn.Dropout(0.2)
        self.fc = nn.Linear(64, 672)

    def forward(self, x):
        y = F.pad(x.transpose(1, 2), (-335, 0))
        x = x.transpose(1, 2) - y
        x = self.dropout1(self.lstm(x.transpose(1, 2))[0][:, -1])
        x = self.fc(x)
        x = x.reshape(-1, 96, 7)
        return (x.transpose(1, 2) + y).transpose(1, 2)


def initialise(module):
    if isinstance(module, nn.LSTM):
        nn.init.xavier_uniform_(module.weight_ih_l0)
        nn.init.orthogonal_(module.weight_hh_l0)
        nn.init.zeros_(module.bias_ih_l0)
        nn.init.ones_(module.bias_ih_l0.chunk(4)[1])


def build():
    """The network with fresh weights."""
    return SeriesLstm().apply(initialise)
