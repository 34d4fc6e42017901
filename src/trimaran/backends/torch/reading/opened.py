"""A module before it is read: its recurrent and attention layers in forms that one layer can be.

They are changed on the copy that is read. What they compute stays, and `from_torch` holds it: the
layers of a stack become modules of their own (`lstm.layer0`, `lstm.layer1`), two biases that are
only added become one, and an attention tells torch.export that it is one operation.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trimaran.backends.torch.reading.example import Example, run
from trimaran.errors import ConversionError

ATTENTION = "trimaran::attention"
RECURRENT = (nn.RNN, nn.LSTM, nn.GRU)
CELLS = (nn.RNNCell, nn.LSTMCell, nn.GRUCell)


def opened(module: nn.Module, example: Example) -> nn.Module:
    """The module, which is changed, with what its attention layers were told on the example."""
    for path, inner in list(module.named_modules()):
        if type(inner) in (*RECURRENT, *CELLS):
            _fold(inner)
        if type(inner) in RECURRENT:
            if path and inner.num_layers > 1 and not inner.proj_size:
                parent, _, name = path.rpartition(".")
                setattr(module.get_submodule(parent), name, _stack(inner))
        elif type(inner) is nn.MultiheadAttention:
            _tell(inner, path)
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
    return kind(layers, float(rnn.dropout)).train(rnn.training)


# Attention ------------------------------------------------------------------------------------


@dataclass
class Told:
    """What an attention was told of its keys at each call, in order, and how many are exported."""

    seen: list[str] = field(default_factory=list)
    exported: int = 0


class Attention(nn.MultiheadAttention):
    """PyTorch's layer, which tells torch.export that it is one operation."""

    told: Told

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, None]:
        if not self.batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        given = (query, key, value, self._arrays(), self.num_heads)
        if torch.compiler.is_exporting():
            seen = self.told.seen[self.told.exported]
            self.told.exported += 1
            made = _attention(*given, float(self.dropout), seen)
        else:
            self.told.seen.append(_seen(attn_mask, key_padding_mask))
            mask = attn_mask
            if mask is not None and mask.dtype == torch.bool:
                mask = ~mask  # PyTorch's two functions take a mask in opposite ways
            made = _attended(*given, float(self.dropout) if self.training else 0.0, mask)
        return (made if self.batch_first else made.transpose(0, 1)), None

    def _arrays(self) -> list[Tensor]:
        """Weights, and the biases where it has them."""
        weights = [self.in_proj_weight, self.out_proj.weight]
        return weights if self.in_proj_bias is None else [
            *weights, self.in_proj_bias, self.out_proj.bias
        ]  # fmt: skip


def _tell(module: Any, path: str) -> None:
    """Make PyTorch's attention one that tells, in place."""
    odd = {
        "kdim or vdim": not module._qkv_same_embed_dim,
        "add_bias_kv": module.bias_k is not None,
        "add_zero_attn": module.add_zero_attn,
    }
    for argument, given in odd.items():
        if given:
            raise ConversionError(
                f"MultiheadAttention {path}: {argument} has no layer in a description; leave it "
                "out, and project keys and values to the same features first."
            )
    module.__class__ = Attention
    module.told = Told()


def _seen(attn_mask: Tensor | None, padding: Tensor | None) -> str:
    """Which keys the masks leave: "all", "causal", "some", or "padding" where rows differ."""
    if padding is not None:
        return "padding"
    if attn_mask is None:
        return "all"
    forbidden = attn_mask if attn_mask.dtype == torch.bool else attn_mask == -torch.inf
    added = 0 if attn_mask.dtype == torch.bool else attn_mask.masked_fill(forbidden, 0.0).any()
    if added or attn_mask.dim() != 2:
        return "some"
    late = torch.ones_like(forbidden).triu(1)
    return "causal" if torch.equal(forbidden, late) else "some" if forbidden.any() else "all"


def _attended(
    query: Tensor, key: Tensor, value: Tensor, arrays: list[Tensor], heads: int, rate: float,
    mask: Tensor | None,
) -> Tensor:  # fmt: skip
    """softmax(Q K^T / sqrt(d)) V, batch first. A key's bias changes nothing, and is not trained."""
    weight, last, *biases = arrays
    q_bias, _, v_bias = biases[0].chunk(3) if biases else (None, None, None)
    made = map(F.linear, (query, key, value), weight.chunk(3), (q_bias, None, v_bias))
    q, k, v = (x.reshape(*x.shape[:2], heads, -1).transpose(1, 2) for x in made)
    joined = F.scaled_dot_product_attention(q, k, v, mask, rate).transpose(1, 2).flatten(2)
    return F.linear(joined, last, biases[1] if biases else None)


@torch.library.custom_op(ATTENTION, mutates_args=())
def _attention(
    query: Tensor, key: Tensor, value: Tensor, arrays: list[Tensor], heads: int, rate: float,
    seen: str,
) -> Tensor:  # fmt: skip
    """The operation by name; only torch.export meets it, which computes nothing."""
    return _attended(query, key, value, arrays, heads, 0.0, None)


@_attention.register_fake
def _(query: Tensor, *given: Any) -> Tensor:
    return torch.empty_like(query)


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
