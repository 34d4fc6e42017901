"""charlstm-cell in PyTorch, 346,433 parameters.

input (N, ?) -> output (N, ?, 65)

Written by Trimaran from the description 736ff1fb028f.
"""

import torch
import torch.nn.functional as F
from torch import nn


def one_bias(rnn):
    """Train one bias: the second, which is only added to it, stays 0."""
    for name, bias in rnn.named_parameters():
        if name.startswith("bias_hh"):
            nn.init.zeros_(bias).requires_grad_(False)
    return rnn


def one_hot(module, x, depth):
    """Each number as a row with a 1 at its place, in the precision of the module's arrays."""
    like = next(module.parameters(), torch.empty(0))
    return F.one_hot(x.long(), depth).to(like.dtype)


def over_steps(run, cell, x, states=None):
    """A cell over all steps of (batch, time, features), as a loop over time would call it, but in
    one call of the layer that has the same weights."""
    if states is None:
        zeros = x.new_zeros(1, len(x), cell.hidden_size)
        states = (zeros, zeros) if run is torch.lstm else zeros
    weights = list(cell.parameters())
    made, *after = run(x, states, weights, cell.bias, 1, 0.0, cell.training, False, True)
    return made, tuple(after) if len(after) > 1 else after[0]


class CharlstmCell(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = one_bias(nn.LSTMCell(65, 256))
        self.fc = nn.Linear(256, 65)

    def logits(self, x):
        x = one_hot(self, x, 65)
        x = over_steps(torch.lstm, self.lstm, x)[0]
        return self.fc(x)

    def forward(self, x):
        return F.softmax(self.logits(x), dim=-1)


def initialise(module):
    if isinstance(module, nn.LSTMCell):
        nn.init.normal_(module.weight_ih, std=1.0)
        nn.init.orthogonal_(module.weight_hh)
        nn.init.zeros_(module.bias_ih)
        nn.init.ones_(module.bias_ih.chunk(4)[1])


def build():
    """The network with fresh weights."""
    return CharlstmCell().apply(initialise)
