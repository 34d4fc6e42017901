"""Modules with embeddings, recurrent layers and attention go in and come out equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from tests.backends.torch.brought import climbed_by_itself, comes_out_equal
from torch import Tensor, nn

import trimaran
from trimaran.backends.torch.reading import attention as attending
from trimaran.backends.torch.reading import opened, recurrent
from trimaran.errors import ConversionError
from trimaran.spec import layers as L


class Reader(nn.Module):
    """A table, a recurrent layer, and one of the ways in which people take its end."""

    def __init__(self, kind: Any = nn.LSTM, end: str = "out[:, -1]", **given: Any) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 4)
        self.rnn = kind(4, 3, batch_first=True, **given)
        self.fc = nn.Linear(3 * (1 + self.rnn.bidirectional), 2)
        self.end = ENDS[end]

    def forward(self, x: Tensor) -> Tensor:
        out, after = self.rnn(self.table(x))
        h, c = after if isinstance(after, tuple) else (after, after)
        return self.fc(self.end(out, h, c))


ENDS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "out[:, -1]": lambda out, h, c: out[:, -1],
    "out[:, -1, :]": lambda out, h, c: out[:, -1, :],
    "out[:, 2]": lambda out, h, c: out[:, 2],
    "out": lambda out, h, c: out,
    "out.mean(1)": lambda out, h, c: out.mean(1),
    "h[-1]": lambda out, h, c: h[-1],
    "h.squeeze(0)": lambda out, h, c: h.squeeze(0),
    "c[-1]": lambda out, h, c: c[-1],
    "both": lambda out, h, c: torch.cat((h[-2], h[-1]), dim=1),
    "all": lambda out, h, c: out + (h[-1] + c[-1] + out[:, -1]).unsqueeze(1),
}


class Translator(nn.Module):
    """Time first; a decoder that begins from an encoder's states, with zeros of its own before."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.LSTM(4, 3), nn.LSTM(2, 3, num_layers=1)
        self.fc = nn.Linear(3, 2)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        zeros = torch.zeros(1, source.shape[0], 3, dtype=source.dtype)
        _, states = self.encoder(source.transpose(0, 1), (zeros, zeros))
        out, _ = self.decoder(target.permute(1, 0, 2), states)
        return self.fc(out.transpose(0, 1) + out[-1].unsqueeze(1))


class Steps(nn.Module):
    """Cells of each kind, from states that are given; one of them takes two steps."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.gru = nn.LSTMCell(4, 3), nn.GRUCell(4, 3)
        self.tanh, self.relu = nn.RNNCell(4, 3, bias=False), nn.RNNCell(4, 3, nonlinearity="relu")
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Tensor:
        h, c = self.lstm(x, self.lstm(x, (h, c)))
        return self.fc(self.relu(x, self.tanh(x, self.gru(x, h))) + c)


class Attentive(nn.Module):
    """Masks as people write them, a block of PyTorch's, attention to another sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 4)
        self.own = nn.MultiheadAttention(4, 2, dropout=0.1, batch_first=True)
        self.cross = nn.MultiheadAttention(4, 1, bias=False)
        self.block = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, norm_first=True)
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        x = self.table(x)
        late = torch.triu(torch.ones(x.shape[1], x.shape[1]), 1).bool()
        x = x + self.own(x, x, x, attn_mask=late, need_weights=False)[0]
        keys = memory.transpose(0, 1)
        y = self.cross(x.transpose(0, 1), keys, keys)[0].transpose(0, 1)
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        return self.fc(self.block(x + y, src_mask=mask, is_causal=True).mean(1))


class Zeros(nn.Module):
    """States of zeros that forward makes, without a type, and brought to a device."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.rnn, self.fc = nn.LSTM(4, 3, layers, batch_first=True), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(self.rnn.num_layers, x.size(0), 3).to(x.device)
        out, _ = self.rnn(x.to("cpu"), (h, torch.zeros_like(h).detach()))
        return self.fc(out[:, -1])


def reader(kind: Any = nn.LSTM, end: str = "out[:, -1]", **given: Any) -> Any:
    return lambda: Reader(kind, end, **given)


MODULES: dict[str, tuple[Callable[[], nn.Module], Any]] = {
    **{f"lstm {end}": (reader(end=end), (5,)) for end in ENDS if end != "both"},
    "gru": (reader(nn.GRU), (5,)),
    "relu": (reader(nn.RNN, nonlinearity="relu"), (5,)),
    "no bias": (reader(nn.GRU, "h[-1]", bias=False), (5,)),
    "both ways": (reader(end="both", bidirectional=True), (5,)),
    "both ways, last step": (reader(nn.GRU, bidirectional=True), (5,)),
    "stack": (reader(end="h[-1]", num_layers=3, dropout=0.2), (5,)),
    "stack of both": (reader(nn.RNN, "both", num_layers=2, bidirectional=True), (5,)),
    "cells": (Steps, ((4,), (3,), (3,))),
    "translator": (Translator, ((5, 4), (6, 2))),
    "attentive": (Attentive, ((5,), (6, 4))),
    "zeros": (lambda: Zeros(1), (5, 4)),
    "zeros of a stack": (lambda: Zeros(2), (5, 4)),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_goes_in_and_comes_out_equal(name: str) -> None:
    comes_out_equal(*MODULES[name])


def layers(own: nn.Module) -> dict[str, Any]:
    return {leaf.path: leaf.layer for leaf in trimaran.from_torch(own, (5,)).model.leaves}


@pytest.mark.parametrize("end", ["out[:, -1]", "out[:, -1, :]", "h[-1]", "h.squeeze(0)"])
def test_the_last_step_is_what_the_layer_gives(end: str) -> None:
    found = layers(Reader(end=end))
    assert list(found) == ["table", "rnn", "fc"]
    assert not found["rnn"].return_sequences and not found["rnn"].return_state


def test_both_ways_end_side_by_side() -> None:
    found = layers(Reader(end="both", bidirectional=True))
    assert list(found) == ["table", "rnn", "fc"] and not found["rnn"].return_state


def test_the_layers_of_a_stack_are_modules_of_their_own() -> None:
    found = layers(Reader(nn.GRU, num_layers=2, dropout=0.25))
    assert list(found) == ["table", "rnn.layer0", "rnn.dropout", "rnn.layer1", "fc"]
    assert found["rnn.layer0"].return_sequences and not found["rnn.layer1"].return_sequences


def test_tokens_may_be_given() -> None:
    found = trimaran.from_torch(Reader(), torch.randint(10, (1, 5)))
    assert [(port.shape, port.dtype) for port in found.model.inputs] == [((5,), "int32")]


def test_two_biases_are_one() -> None:
    own = Reader()
    found = trimaran.from_torch(own, (5,)).weights
    sum_ = (own.rnn.bias_ih_l0 + own.rnn.bias_hh_l0).detach().numpy()
    assert np.array_equal(found["rnn.bias_ih_l0"], sum_) and not found["rnn.bias_hh_l0"].any()


@pytest.mark.parametrize("name", ["stack of both", "translator", "attentive"])
def test_the_module_itself_climbs_the_ladder(name: str) -> None:
    """Dropout within attention and between the layers of a stack takes the ladder's masks."""
    climbed_by_itself(*MODULES[name])


# Refusals -------------------------------------------------------------------------------------


class Odd(nn.Module):
    """Layers of sequences, used as `then` says."""

    def __init__(self, then: Callable[[Any, Tensor], Any], **layers_: nn.Module) -> None:
        super().__init__()
        self.then = then
        for name, layer in layers_.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Any:
        return self.then(self, x)


def masked(own: Any, x: Tensor, **mask: Tensor) -> Tensor:
    return own.a(x, x, x, **mask)[0]


def attention(**given: Any) -> nn.Module:
    return nn.MultiheadAttention(4, 1, batch_first=True, **given)


REFUSED: dict[str, tuple[Callable[[Any, Tensor], Any], nn.Module, str]] = {
    "time first": (lambda own, x: own.a(x)[0], nn.GRU(4, 3), "a has batch_first=False, and takes"),
    "left time first": (lambda own, x: own.a(x.transpose(0, 1))[0], nn.GRU(4, 3), "batch first"),
    "read time first": (
        lambda own, x: torch.relu(own.a(x.transpose(0, 1))[0]), nn.GRU(4, 3), "stand first"),
    "all states": (
        lambda own, x: own.a(x)[1], nn.GRU(4, 3, batch_first=True), r"return h\[-1\]"),
    "states turned": (
        lambda own, x: own.a(x)[1].permute(1, 0, 2), nn.GRU(4, 3, batch_first=True), "all ways"),
    "projected": (
        lambda own, x: own.a(x)[0], nn.LSTM(4, 3, batch_first=True, proj_size=2), "proj_size"),
    "a cell from zeros": (lambda own, x: own.a(x[:, 0])[0], nn.LSTMCell(4, 3), "zeros .* nn.LSTM"),
    "padding": (
        lambda own, x: masked(own, x, key_padding_mask=x[..., 0] > 9), attention(), "row by row"),
    "another mask": (
        lambda own, x: masked(own, x, attn_mask=torch.eye(5).bool()), attention(), "nor causal"),
    "values of their own": (
        lambda own, x: own.a(x, x, torch.relu(x))[0], attention(), "two tensors"),
    "other features": (
        lambda own, x: own.a(x, x, x)[0], attention(kdim=4, add_zero_attn=True), "add_zero_attn"),
    "a factor": (
        lambda own, x: own.a(x) * own.a.bias, nn.Linear(4, 4), "fold it into the weights"),
    "a token in front": (
        lambda own, x: torch.cat([own.a.weight.expand(x.shape[0], 1, 4), x], 1), nn.Linear(4, 1),
        "the mean over the steps"),
    "random numbers": (
        lambda own, x: own.a(x) * (torch.rand(x.shape[0], 1, 1) < 0.5 if own.training else 1),
        nn.Linear(4, 4), "by rand .* use nn.Dropout"),
    "a type of its own": (lambda own, x: own.a(x.float()), nn.Linear(4, 4), "run in .* float64"),
    "another type": (lambda own, x: own.a(x).half(), nn.Linear(4, 4), "changes the type"),
    "weights read": (
        lambda own, x: own.a(x, x, x)[1], attention(), "forward returns|taken apart|no tensor"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_description_is_named(name: str) -> None:
    then, layer, why = REFUSED[name]
    with pytest.raises(ConversionError, match=why) as caught:
        trimaran.from_torch(Odd(then, a=layer), (5, 4))
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


@pytest.mark.parametrize(("given", "read"), [(None, None), (0, 0), (3, 3), (-2, 2)])
def test_a_row_that_does_not_train_stays_one(given: int | None, read: int | None) -> None:
    own = Odd(lambda own, x: own.a(x), a=nn.Embedding(4, 2, padding_idx=given))
    (leaf,) = trimaran.from_torch(own, (5,)).model.leaves
    assert leaf.layer.padding_index == read


# Planted faults -------------------------------------------------------------------------------


def test_another_layer_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {**recurrent.KINDS, "rnn_tanh": (L.SimpleRNN, {"nonlinearity": "relu"})}
    monkeypatch.setattr(recurrent, "KINDS", wrong)
    with pytest.raises(ConversionError, match="computes another"):
        trimaran.from_torch(Reader(nn.RNN), (5,))


def test_a_mask_that_is_forgotten_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attending, "seen_of", lambda attn_mask, padding: "all")
    with pytest.raises(ConversionError, match="computes another"):
        trimaran.from_torch(Attentive(), ((5,), (6, 4)))


def test_a_stack_in_another_order_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    own = opened._stack

    def turned(rnn: Any) -> Any:
        made = own(rnn)
        made.layer0, made.layer1 = made.layer1, made.layer0
        return made

    monkeypatch.setattr(opened, "_stack", turned)
    table = nn.GRU(3, 3, num_layers=2, batch_first=True)
    with pytest.raises(ConversionError, match="cannot be taken apart"):
        trimaran.from_torch(Odd(lambda own, x: own.a(x)[0], a=table), (5, 3))
