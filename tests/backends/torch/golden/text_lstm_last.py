"""text-lstm-last in PyTorch, 2,691,713 parameters.

input (N, ?) -> output (N, 1)

Written by Trimaran from the description a08b06d0c79a.
"""

import torch
from torch import nn


def last_step(x, count):
    """What stands at each row's last step before the padding."""
    last = (count - 1).clamp(min=0)
    return x[torch.arange(len(x), device=x.device), last]


def one_bias(rnn):
    """Train one bias: the second, which is only added to it, stays 0."""
    for name, bias in rnn.named_parameters():
        if name.startswith("bias_hh"):
            nn.init.zeros_(bias).requires_grad_(False)
    return rnn


class TextLstmLast(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20000, 128)
        self.drop1 = nn.Dropout(0.5)
        self.lstm = one_bias(nn.LSTM(128, 128, batch_first=True))
        self.drop2 = nn.Dropout(0.5)
        self.dense = nn.Linear(128, 1)

    def logits(self, x):
        y = self.drop1(self.embedding(x))
        x = self.drop2(last_step(self.lstm(y)[0], (x != 0).sum(1)))
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
    return TextLstmLast().apply(initialise)
