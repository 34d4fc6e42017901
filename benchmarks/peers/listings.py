"""The chapter's two character models in PyTorch, as printed, and what must be mended to run them.

As printed, with typographic spaces (`super (). _init_()`) taken out:
- both lost the double underscores of `__init__`, so that the class takes no sizes;
- the second lost the indentation of `forward`, which thus is no method.
"""

from textwrap import indent
from typing import Any

PRINTED_CELL = """
import torch
import torch.nn as nn
class CharLSTM(nn.Module):
    def _init_(self, vocab_size, hidden_size):
        super()._init_()
        self.lstm = nn.LSTMCell(vocab_size, hidden_size)
        self.fc = nn.Linear(hidden_size, vocab_size)

    def forward(self, x, hc):
        h, c = self.lstm(x, hc)
        return self.fc(h), (h, c)
"""
"""§V, Text Generation with PyTorch."""

PRINTED_LAYER = """
import torch
import torch.nn as nn
class CharLSTM(nn.Module):
    def _init_(self, vocab_size, hidden_size):
        super()._init_()
        self.embed = nn.Embedding(vocab_size, 64)
        self.lstm = nn.LSTM(64, hidden_size, batch_first=True
                            )
        self.fc = nn.Linear(hidden_size, vocab_size)
def forward(self, x, hidden=None):
    x = self.embed(x)
    out, hidden = self.lstm(x, hidden)
    return self.fc(out), hidden
"""
"""Exercise 2, LSTM Text Prediction."""


def mended(printed: str) -> str:
    """The listing with `__init__`, and with `forward` inside the class."""
    text = printed.replace("_init_", "__init__")
    head, definition, body = text.partition("\ndef forward")
    return f"{head}\n{indent(definition[1:] + body, '    ')}" if definition else text


def char_lstm(text: str) -> Any:
    """The class that the listing defines."""
    names: dict[str, Any] = {}
    exec(compile(text, "<the chapter>", "exec"), names)
    return names["CharLSTM"]
