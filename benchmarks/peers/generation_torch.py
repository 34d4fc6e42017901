"""Writers in plain PyTorch, a character at a time.

The GPT computes its whole context again for each character, as nanoGPT's `generate` does
(Karpathy); the LSTM is called for one character with the state that it returned before.
"""

from collections.abc import Iterator

import torch
from characters_torch import GPT, LENGTH, CharLSTM
from torch import Tensor
from torch.nn import functional as F


@torch.no_grad()
def by_context(net: GPT, prompt: list[int], length: int) -> Iterator[int]:
    net.eval()
    tokens = torch.tensor([prompt])
    for _ in range(length):
        token = drawn(net(tokens[:, -LENGTH:])[:, -1])
        tokens = torch.cat((tokens, token), 1)
        yield token.item()


@torch.no_grad()
def by_state(net: CharLSTM, prompt: list[int], length: int) -> Iterator[int]:
    net.eval()
    y, state = net.lstm(net.embed(torch.tensor([prompt])))
    for _ in range(length):
        token = drawn(net.fc(y[:, -1]))
        yield token.item()
        y, state = net.lstm(net.embed(token), state)


def drawn(logits: Tensor) -> Tensor:
    return torch.multinomial(F.softmax(logits, -1), 1)
