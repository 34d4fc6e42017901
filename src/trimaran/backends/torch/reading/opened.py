"""A module before it is read: its recurrent and attention layers in forms that one layer can be.

They are changed on the copy that is read. What they compute stays, and `from_torch` holds it: the
layers of a stack become modules of their own (`lstm.layer0`, `lstm.layer1`), two biases that are
only added become one, and an attention tells torch.export that it is one operation.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from trimaran.backends.torch.reading.attention import Attention, tell
from trimaran.backends.torch.reading.example import Example, run
from trimaran.backends.torch.reading.handmade import opened_attention
from trimaran.errors import ConversionError

RECURRENT = (nn.RNN, nn.LSTM, nn.GRU)
CELLS = (nn.RNNCell, nn.LSTMCell, nn.GRUCell)


def opened(module: nn.Module, example: Example) -> nn.Module:
    """The module, which is changed, with what its attention layers were told on the example."""
    opened_attention(module, example)
    for path, inner in list(module.named_modules()):
        if type(inner) in (*RECURRENT, *CELLS):
            _fold(inner)
        if type(inner) in RECURRENT:
            if path and inner.num_layers > 1 and not inner.proj_size:
                parent, _, name = path.rpartition(".")
                setattr(module.get_submodule(parent), name, _stack(inner))
        elif type(inner) is nn.MultiheadAttention:
            tell(inner, path)
    if any(isinstance(inner, Attention) for inner in module.modules()):
        with _without_fast_path():
            run(module, example)
    return module


# Recurrent layers -----------------------------------------------------------------------------


def _fold(rnn: Any) -> None:
    """The second bias into the first, where it is only added to it: then it is not trained."""
    if not rnn.bias or isinstance(rnn, nn.GRU | nn.GRUCell):
        return
    with torch.no_grad():
        for name, second in rnn.named_parameters():
            if name.startswith("bias_hh"):
                getattr(rnn, name.replace("_hh", "_ih")).add_(second)
                second.zero_()


class _Stacked(nn.Module):
    """Recurrent layers one after another, called as the module of PyTorch that they come from."""

    def __init__(self, layers: list[nn.Module], rate: float) -> None:
        super().__init__()
        self.count, self.dropout = len(layers), nn.Dropout(rate) if rate else None
        for i, layer in enumerate(layers):
            self.add_module(f"layer{i}", layer)

    def forward(self, x: Tensor, hx: Any = None) -> Any:
        several = isinstance(hx, tuple)
        given = hx if several else (hx,)
        found: list[Any] = []
        for i in range(self.count):
            layer: Any = getattr(self, f"layer{i}")
            ways = 1 + layer.bidirectional
            begun = tuple(None if h is None else h[ways * i : ways * (i + 1)] for h in given)
            x, after = layer(x, None if hx is None else begun if several else begun[0])
            found.append(after)
            if self.dropout is not None and i < self.count - 1:
                x = self.dropout(x)
        if isinstance(found[0], tuple):
            return x, tuple(torch.cat(states) for states in zip(*found, strict=True))
        return x, torch.cat(found)


class StackedRNN(_Stacked):
    """Of nn.RNN."""


class StackedLSTM(_Stacked):
    """Of nn.LSTM."""


class StackedGRU(_Stacked):
    """Of nn.GRU."""


def _stack(rnn: Any) -> _Stacked:
    """The layers as modules of their own."""
    ways, features, layers = 1 + rnn.bidirectional, rnn.input_size, list[nn.Module]()
    for i in range(rnn.num_layers):
        own = {"nonlinearity": rnn.nonlinearity} if isinstance(rnn, nn.RNN) else {}
        layer: Any = type(rnn)(
            features, rnn.hidden_size, bias=rnn.bias, batch_first=rnn.batch_first,
            bidirectional=rnn.bidirectional, **own,
        )  # fmt: skip
        kept = {name: getattr(rnn, name.replace("_l0", f"_l{i}")) for name in layer.state_dict()}
        layer.load_state_dict(kept)
        layers.append(layer.train(rnn.training))
        features = ways * rnn.hidden_size
    kind = {nn.RNN: StackedRNN, nn.LSTM: StackedLSTM, nn.GRU: StackedGRU}[type(rnn)]
    made = kind(layers, float(rnn.dropout)).train(rnn.training)
    for name in ("num_layers", "input_size", "hidden_size", "bidirectional"):
        setattr(made, name, getattr(rnn, name))  # forward may ask for them
    return made


@contextmanager
def _without_fast_path() -> Iterator[None]:
    """PyTorch's blocks call their attention, instead of one kernel for all of it."""
    kept = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(kept)


def copied(module: nn.Module) -> nn.Module:
    """A copy in evaluation mode on the CPU, in float32."""
    try:
        own = copy.deepcopy(module)
    except Exception as error:
        raise ConversionError(
            f"{type(module).__name__} cannot be copied ({type(error).__name__}: {error}); keep "
            "computed tensors out of its attributes."
        ) from None
    return own.to("cpu").float().eval()
