"""Faults of recurrent layers break the ladder at the right rung, and name the layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType, MethodType
from typing import Any

import numpy as np
import pytest
import torch
from tests.comparison.faults import Fault, side
from tests.comparison.test_planted import problem
from torch import nn
from torch.func import functional_call

from trimaran.comparison.ladder import climb
from trimaran.comparison.rung import Rung
from trimaran.spec import Input, Model, functional
from trimaran.spec import layers as L


def network() -> Model:
    """An LSTM that begins from zeros, a GRU that begins from its state, a recurrence before the
    head: each can go wrong alone."""
    words = Input((5,), name="words", dtype="int32")
    x = L.Embedding(7, 4, name="table")(words)
    x, h, _ = L.LSTM(4, return_sequences=True, return_state=True, name="lstm")(x)
    x = L.GRU(4, return_sequences=True, name="gru")(x, initial_state=h)
    x = L.SimpleRNN(4, return_sequences=True, name="rnn")(x)
    return functional(words, L.Dense(7, activation="softmax", name="next")(x), "sequences")


MODEL = network()


def reached(fault: Fault, **settings: Any) -> Rung:
    """The last rung of the ladder beside the fault."""
    given = problem(model=MODEL, **settings)
    return list(climb(given, [side(name="torch"), side(fault)]))[-1]


def gates(path: str, order: Sequence[int]) -> Fault:
    """The blocks of all four arrays of one layer in another order, on their way in."""

    def change(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        own = {key: values for key, values in weights.items() if key.startswith(f"{path}.")}
        return weights | {key: _blocks(values, order) for key, values in own.items()}

    return Fault(weights=change)


def _blocks(values: np.ndarray, order: Sequence[int]) -> np.ndarray:
    parts = np.split(values, len(order))
    return np.concatenate([parts[i] for i in order])


def computed(path: str, call: Callable[..., Any]) -> Fault:
    """The layer does `call(module, own, x, *states)` with its arrays, `own` its forward pass."""

    def apply(made: nn.Module) -> None:
        module = made.get_submodule(path)
        own = module.forward
        module.forward = lambda *given: call(module, own, *given)  # type: ignore[assignment]

    return Fault(network=apply)


def reordered(order: Sequence[int]) -> Callable[..., Any]:
    """The arrays stay what they are, but are read in another order."""

    def call(module: nn.Module, own: Any, *given: Any) -> Any:
        turned = {
            key: torch.cat([values.chunk(len(order))[i] for i in order])
            for key, values in module.named_parameters()
        }
        twin = type(module)(4, 4, batch_first=True).to(turned["weight_ih_l0"].dtype)
        return functional_call(twin, turned, given)

    return call


def unstated(module: nn.Module, own: Any, x: torch.Tensor, *states: Any) -> Any:
    return own(x)


def backwards(module: nn.Module, own: Any, x: torch.Tensor, *states: Any) -> Any:
    made, after = own(x.flip(1), *states)
    return made.flip(1), after


class _Forgotten(torch.autograd.Function):
    """The state goes on, but nothing comes back through it: time is cut off."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return torch.zeros_like(g)


def cut_off(module: nn.Module, own: Any, x: torch.Tensor, *states: Any) -> Any:
    return own(x, *map(_Forgotten.apply, states))


def both_trained(made: nn.Module) -> None:
    made.get_submodule("rnn").bias_hh_l0.requires_grad_(True)  # type: ignore[union-attr,operator]


FAULTS: dict[str, tuple[Fault, str, str]] = {
    "an LSTM's input and forget gates swapped": (gates("lstm", (1, 0, 2, 3)), "init", "lstm"),
    "read in that order": (computed("lstm", reordered((1, 0, 2, 3))), "forward", "lstm"),
    "a GRU's gates in Keras's order": (gates("gru", (1, 0, 2)), "init", "gru"),
    "read in Keras's order": (computed("gru", reordered((1, 0, 2))), "forward", "gru"),
    "an initial state that is ignored": (computed("gru", unstated), "forward", "gru"),
    "time that runs backwards": (computed("rnn", backwards), "forward", "rnn"),
    "no gradient through a state": (computed("gru", cut_off), "gradients", "lstm"),
    "a second bias that is trained too": (Fault(network=both_trained), "one update", "rnn"),
}  # fmt: skip


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_without_a_fault_every_rung_holds(optimizer: str) -> None:
    given = problem(model=MODEL, optimizer=optimizer)
    harmless = computed("gru", lambda module, own, *more: own(*more))
    rungs = list(climb(given, [side(name="torch"), side(harmless)], 2))
    assert len(rungs) == 8 and all(rung.ok for rung in rungs)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_breaks_the_right_rung(name: str) -> None:
    fault, rung, layer = FAULTS[name]
    found = reached(fault, optimizer="sgd")
    assert (found.ok, found.name, found.first_layer) == (False, rung, layer)


def padded() -> Model:
    """Sentences of unequal length, their last state beside the mean of all steps."""
    words = Input((5,), name="words", dtype="int32")
    x = L.Embedding(7, 4, mask_zero=True, name="table")(words)
    x = L.GRU(4, return_sequences=True, name="gru")(x)
    parts = [L.LSTM(4, name="lstm")(x), L.GlobalAveragePooling1D(name="mean")(x)]
    return functional(words, L.Dense(2, activation="softmax")(L.Concatenate()(parts)), "padded")


def instead(helper: str, function: Callable[..., Any]) -> Fault:
    """A function of the source that does something else, for this one network: others are made of
    the same text."""

    def apply(made: nn.Module) -> None:
        for name in ("forward", "logits"):
            own = getattr(type(made), name)
            changed = FunctionType(own.__code__, {**own.__globals__, helper: function})
            setattr(made, name, MethodType(changed, made))

    return Fault(network=apply)


PADDING: dict[str, tuple[Fault, str]] = {
    "the last step of all for that of each row": (
        instead("last_step", lambda x, count: x[:, -1]), "lstm"),
    "a mean that counts the padding": (
        instead("mean_step", lambda x, count: x.mean(1)), "mean"),
    "padding that is not cleared": (instead("zero_padding", lambda x, count: x), "gru"),
    "one step too many": (
        instead("last_step", lambda x, n: x[torch.arange(len(x)), n.clamp(max=4)]), "lstm"),
}  # fmt: skip


@pytest.mark.parametrize("name", PADDING)
def test_padding_that_is_read_breaks_the_outputs(name: str) -> None:
    fault, layer = PADDING[name]
    given = problem(model=padded())
    rung = list(climb(given, [side(name="torch"), side(fault)]))[-1]
    assert (rung.name, rung.first_layer, rung.ok) == ("forward", layer, False)


def stepped() -> Model:
    """The chapter's first listing over a sequence."""
    words = Input((5,), name="words", dtype="int32")
    x = L.OneHot(7, name="onehot")(words)
    x = L.RNN(L.LSTMCell(4), return_sequences=True, name="cell")(x)
    return functional(words, L.Dense(7, activation="softmax", name="next")(x), "stepped")


def next_number(module: nn.Module, x: torch.Tensor, depth: int) -> torch.Tensor:
    return nn.functional.one_hot((x.long() + 1) % depth, depth).double()


def from_ones(run: Any, cell: Any, x: torch.Tensor, states: Any = None) -> Any:
    ones = x.new_ones(1, len(x), cell.hidden_size)
    return run(x, (ones, ones), list(cell.parameters()), True, 1, 0.0, False, False, True)


CELLS: dict[str, tuple[Fault, str, str]] = {
    "the number beside": (instead("one_hot", next_number), "forward", "onehot"),
    "states that do not begin from zeros": (instead("over_steps", from_ones), "forward", "cell"),
    "gates in another order": (gates("cell", (1, 0, 2, 3)), "init", "cell"),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_fault_of_a_cell_breaks_the_right_rung(name: str) -> None:
    fault, rung, layer = CELLS[name]
    found = list(climb(problem(model=stepped()), [side(name="torch"), side(fault)]))[-1]
    assert (found.ok, found.name, found.first_layer) == (False, rung, layer)
