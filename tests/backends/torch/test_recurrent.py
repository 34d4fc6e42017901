"""The emitted source of recurrent layers: its text, how it starts, and what training moves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from trimaran.backends.torch.build import module
from trimaran.backends.torch.emit import emit
from trimaran.backends.torch.loop import fit
from trimaran.backends.torch.weights import arrays
from trimaran.comparison.problem import invented
from trimaran.emit.loading import load
from trimaran.spec import Input, Model, functional
from trimaran.spec import layers as L
from trimaran.training.execution import Execution
from trimaran.training.settings import Training
from trimaran.weights import draw

SINGLE: Any = pytest.mark.parametrize("kind", [L.SimpleRNN, L.LSTM])
"""Kinds whose second bias is only added."""


def characters(kind: Any = L.LSTM) -> Model:
    text = Input((10,), name="text", dtype="int32")
    x = kind(16, return_sequences=True, name="memory")(L.Embedding(30, 8, name="table")(text))
    return functional(text, L.Dense(30, activation="softmax", name="next")(x), "char-model")


def passed_on() -> Model:
    """An encoder and a decoder that begins from its state; in between a convolution over time."""
    x, h = Input((6, 2), name="x"), Input((3,), name="h")
    _, state = L.GRU(3, return_state=True, name="encoder")(x, initial_state=h)
    y = L.Conv1D(2, 3, name="conv")(x)
    y = L.GRU(3, name="decoder")(y, initial_state=state)
    return functional([x, h], {"y": L.Dense(1, name="out")(y), "state": state}, "passed-on")


def test_states_are_handed_over_by_name() -> None:
    """Sequences stand (batch, time, features), which a convolution turns around and back."""
    lines = emit(passed_on()).partition("def forward")[2].partition("\n\n\n")[0].split("\n")[1:]
    assert [line.strip() for line in lines] == [
        "y, z = with_states(self.encoder(x, h[None]), last=True)",
        "x = self.conv(x.transpose(1, 2))",
        "x = self.decoder(x.transpose(1, 2), z[None])[0][:, -1]",
        "x = self.out(x)",
        'return {"y": x, "state": z}',
    ]


def built(text: str) -> Any:
    """What the text's own `build` gives."""
    return load(text).build()


@pytest.mark.parametrize("kind", [L.SimpleRNN, L.LSTM, L.GRU])
def test_fresh_weights_start_as_described(kind: Any) -> None:
    model = characters(kind)
    torch.manual_seed(0)
    memory = built(emit(model)).memory
    hidden = memory.weight_hh_l0.detach()
    assert torch.dist(hidden.T @ hidden, torch.eye(16)) < 1e-4
    gates = kind.GATES
    limit = (6 / (8 + gates * 16)) ** 0.5
    assert 0.9 * limit < memory.weight_ih_l0.abs().max() <= limit
    ones = [gates == 4 and gate == 1 for gate in range(gates)]
    for gate, bias in enumerate(memory.bias_ih_l0.chunk(gates)):
        assert (bias == float(ones[gate])).all()
    assert not memory.bias_hh_l0.any()
    trained = {name for name, p in memory.named_parameters() if p.requires_grad}
    described = {k.rpartition(".")[2] for k, p in model.parameters.items() if p.trainable}
    assert trained == described - {"weight", "bias"}
    assert ("bias_hh_l0" in trained) == (kind is L.GRU)


def test_two_ways_of_drawing_one_kind_are_told_apart() -> None:
    x = Input((4, 2))
    y = L.LSTM(3, return_sequences=True, name="first")(x)
    y = L.LSTM(5, unit_forget_bias=False, recurrent_initializer="zeros", name="second")(y)
    made = built(emit(functional(x, y)))
    assert made.first.bias_ih_l0.sum() == 3 and made.first.weight_hh_l0.any()
    assert not made.second.bias_ih_l0.any() and not made.second.weight_hh_l0.any()


def test_modules_that_lack_arrays_are_drawn_without_them() -> None:
    x = Input((4, 3))
    y = L.LSTM(3, return_sequences=True, name="plain")(x)
    y = L.LSTM(3, return_sequences=True, use_bias=False, name="bare")(y)
    y = L.Concatenate()([y, L.LSTM(3, return_sequences=True, bidirectional=True, name="both")(y)])
    y = L.LSTM(3, bidirectional=True, use_bias=False, name="last")(L.Dense(3)(y))
    made = built(emit(functional(x, y)))
    assert made.plain.bias_ih_l0.sum() == made.both.bias_ih_l0_reverse.sum() == 3
    assert not made.bare.bias and not made.last.bias


def moved(model: Model, **settings: Any) -> set[str]:
    """The arrays that two epochs of training change."""
    rows, objective = invented(model, 32)
    start = draw(model, 0)
    network: nn.Module = module(model, start)
    training = Training.from_json({"epochs": 2, "batch_size": 8, **settings})
    splits = {"train": rows, "validation": rows}
    list(fit(network, objective, splits, training, Execution(threads=1)))
    after = arrays(network)
    return {key for key, values in after.items() if not np.array_equal(values, start[key])}


@SINGLE
@pytest.mark.parametrize("settings", [
    {},
    {"optimizer": {"name": "adamw", "weight_decay": 0.1}, "clip_norm": 1.0, "ema": 0.9},
    {"optimizer": "muon"},
    {"freeze": ["table"]},
    {"freeze": ["memory.weight_*", "next.bias"]},
    {"freeze": ["memory.bias_hh_l0", "table"]},
], ids=str)  # fmt: skip
def test_training_leaves_the_second_bias_at_zero(kind: Any, settings: dict[str, Any]) -> None:
    model = characters(kind)
    found = moved(model, **settings)
    assert "memory.bias_hh_l0" not in found and "memory.bias_ih_l0" in found
    frozen = {k for k in model.parameters for p in settings.get("freeze", []) if _under(k, p)}
    wanted = {k for k, p in model.parameters.items() if p.trainable} - frozen
    assert found == wanted


def _under(key: str, pattern: str) -> bool:
    start = pattern.rstrip("*")
    return key == start or key.startswith(start if pattern.endswith("*") else f"{start}.")


def test_a_gru_trains_both_of_its_biases() -> None:
    model = characters(L.GRU)
    assert moved(model) == set(model.parameters)


@pytest.mark.parametrize("kind", [L.SimpleRNNCell, L.LSTMCell, L.GRUCell])
def test_a_cell_over_a_sequence_is_the_layer_with_its_arrays(kind: Any) -> None:
    """Bit for bit, fresh as described, and trained alike."""
    text = Input((10,), name="text", dtype="int32")
    x = L.RNN(kind(16), return_sequences=True, name="memory")(L.OneHot(30)(text))
    model = functional(text, L.Dense(30, activation="softmax", name="next")(x), "cell-model")
    torch.manual_seed(0)
    own = built(emit(model))
    layer = {L.SimpleRNNCell: nn.RNN, L.LSTMCell: nn.LSTM, L.GRUCell: nn.GRU}[kind]
    twin = layer(30, 16, batch_first=True)
    twin.load_state_dict({f"{k}_l0": v for k, v in own.memory.state_dict().items()})
    given = torch.randint(0, 30, (3, 10))
    wanted = own.next(twin(nn.functional.one_hot(given, 30).float())[0])
    assert torch.equal(own.logits(given), wanted)
    found = moved(model)
    assert found == {k for k, p in model.parameters.items() if p.trainable}
    assert ("memory.bias_hh" in found) == (kind is L.GRUCell)
