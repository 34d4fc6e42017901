"""text-lstm in PyTorch, 2,691,841 parameters.

input (N, ?) -> output (N, 1)

Written by Trimaran from the description a1b33eb4bece.
"""

import torch
from torch import nn


def largest_step(x, count):
    """The largest entry over the steps of each row that hold data, of (batch, time, channels)."""
    return torch.where(step_mask(x, count), x, -torch.inf).amax(1)


def mean_step(x, count):
    """The mean over the steps of each row that hold data, of (batch, time, channels)."""
    return torch.where(step_mask(x, count), x, 0.0).sum(1) / count.clamp(min=1)[:, None]


def one_bias(rnn):
    """Train one bias: the second, which is only added to it, stays 0."""
    for name, bias in rnn.named_parameters():
        if name.startswith("bias_hh"):
            nn.init.zeros_(bias).requires_grad_(False)
    return rnn


def step_mask(x, count):
    """(batch, time, 1): where rows hold data; a row of padding alone keeps its first step."""
    steps = torch.arange(x.shape[1], device=x.device)
    return (steps < count.clamp(min=1)[:, None])[..., None]


def zero_padding(x, count):
    """The sequence with zeros behind each row's last step."""
    return torch.where(step_mask(x, count), x, 0.0)


class TextLstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20000, 128)
        self.drop1 = nn.Dropout(0.5)
        self.lstm = one_bias(nn.LSTM(128, 128, batch_first=True))
        self.drop2 = nn.Dropout(0.5)
        self.dense = nn.Linear(256, 1)

    def logits(self, x):
        y = self.drop1(self.embedding(x))
        y = zero_padding(self.lstm(y)[0], (x != 0).sum(1))
        z = largest_step(y, (x != 0).sum(1))
        x = mean_step(y, (x != 0).sum(1))
        x = self.drop2(torch.cat((z, x), dim=1))
        return self.dense(x)

    def forward(self, x):
        return torch.sigmoid(self.logits(x))


def initialise(module):
    if isinstance(module, nn.Embedding):
        nn.init.uniform_(module.weight, -0.05, 0.05)
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.LSTM):
        nn.init.xavier_uniform_(module.weight_ih_l0)
        nn.init.orthogonal_(module.weight_hh_l0)
        nn.init.zeros_(module.bias_ih_l0)
        nn.init.ones_(module.bias_ih_l0.chunk(4)[1])


def build():
    """The network with fresh weights."""
    return TextLstm().apply(initialise)
