"""Faults of attention break the ladder at the right rung, and name the layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.comparison.faults import Fault, side
from tests.comparison.test_planted import problem
from torch import nn

from trimaran.comparison.ladder import climb
from trimaran.comparison.rung import Rung
from trimaran.spec import Input, Model, functional
from trimaran.spec import layers as L


def network() -> Model:
    """A causal attention to itself, one with rotary positions, and one to another sequence."""
    words = Input((5,), name="words", dtype="int32")
    table = L.Embedding(7, 6, name="table")(words)
    x = L.MultiHeadAttention(2, use_causal_mask=True, name="own")(table)
    x = L.MultiHeadAttention(3, 4, rotary=True, name="rotary")(x) + x
    x = L.MultiHeadAttention(2, name="cross")(x, L.Conv1D(6, 2, name="conv")(table))
    return functional(words, L.Dense(7, activation="softmax", name="next")(x), "attentive")


MODEL = network()


def reached(fault: Fault, **settings: Any) -> Rung:
    """The last rung of the ladder beside the fault."""
    given = problem(model=MODEL, **settings)
    return list(climb(given, [side(name="torch"), side(fault)]))[-1]


def changed(path: str, **methods: Callable[..., Any]) -> Fault:
    """Methods of the module at `path` replaced: each takes the module first."""

    def apply(made: nn.Module) -> None:
        module = made.get_submodule(path)
        for name, method in methods.items():
            setattr(module, name, method.__get__(module))

    return Fault(network=apply)


def padded() -> Model:
    """Two inputs padded each in its own way, which see themselves and each other."""
    words = Input((5,), name="words", dtype="int32")
    asked = Input((4,), name="asked", dtype="int32")
    x = L.Embedding(7, 4, mask_zero=True, name="table")(words)
    y = L.Embedding(7, 4, mask_zero=True, name="other")(asked)
    x, y = L.MultiHeadAttention(2, name="own")(x), L.MultiHeadAttention(1, name="memory")(y)
    x = L.MultiHeadAttention(2, use_causal_mask=True, name="cross")(x, y)
    x = L.Dense(2, activation="softmax")(L.GlobalMaxPooling1D(name="largest")(x))
    return functional([words, asked], x, "padded")


def features_first(module: Any, x: torch.Tensor) -> torch.Tensor:
    return x.unflatten(-1, (-1, module.heads)).movedim(-1, 1)


def answered(**more: Any) -> Callable[..., torch.Tensor]:
    """A forward pass with other words for scaled_dot_product_attention."""

    def forward(module: Any, x: torch.Tensor, memory: Any = None) -> torch.Tensor:
        q, k, v = module.project(x, x if memory is None else memory)
        given = {"is_causal": module.causal, **more}
        return module.join(F.scaled_dot_product_attention(q, k, v, **given))

    return forward


def dropping(rescaled: bool = True, before: bool = False) -> Callable[..., torch.Tensor]:
    """Dropout of the weights written out: of the scores instead, or without 1/(1 - p)."""

    def forward(module: Any, x: torch.Tensor) -> torch.Tensor:
        q, k, v = module.project(x, x)
        scores = q @ k.mT / q.shape[-1] ** 0.5
        dropped = F.dropout(scores if before else scores.softmax(-1), module.dropout, True)
        dropped = dropped if rescaled else dropped * (1 - module.dropout)
        return module.join((dropped.softmax(-1) if before else dropped) @ v)

    return forward


DROPPING: dict[str, tuple[Callable[..., torch.Tensor], bool]] = {
    "nothing": (dropping(), True),
    "what is left is not made larger": (dropping(rescaled=False), False),
    "scores dropped for weights": (dropping(before=True), False),
}


@pytest.mark.parametrize("name", DROPPING)
def test_dropout_within_the_weights(name: str) -> None:
    """Another way to write it holds every rung, a wrong one breaks the outputs in training."""
    x = Input((5, 4), name="x")
    y = L.MultiHeadAttention(2, dropout=0.5, name="drops")(x)
    given = problem(model=functional(x, L.Dense(3, name="each")(y), "dropping"))
    forward, holds = DROPPING[name]

    def in_training(module: Any, x: torch.Tensor) -> torch.Tensor:
        own = type(module).forward
        return forward(module, x) if module.training else own(module, x)  # type: ignore[no-any-return]

    rung = list(climb(given, [side(name="torch"), side(changed("drops", forward=in_training))]))[-1]
    wanted = ("evaluation", "", True) if holds else ("forward", "drops", False)
    assert (rung.name, rung.first_layer, rung.ok) == wanted


def itself(module: Any, x: torch.Tensor, memory: Any = None) -> torch.Tensor:
    return type(module).forward(module, x)


def without_positions(module: Any, x: torch.Tensor, memory: Any, at: int = 0) -> Any:
    parts = F.linear(x, module.in_proj_weight, module.in_proj_bias).chunk(3, dim=-1)
    return [module.split(part) for part in parts]


def constant_keys(module: Any, x: torch.Tensor, memory: Any, at: int = 0) -> Any:
    q, k, v = type(module).project(module, x, memory)
    return q, k.detach(), v


def keys_for_values(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    q, k, v = np.split(weights["own.in_proj_weight"], 3)
    return weights | {"own.in_proj_weight": np.concatenate((q, v, k))}


FAULTS: dict[str, tuple[Fault, str, str]] = {
    "keys for values": (Fault(weights=keys_for_values), "init", "own"),
    "a transposed split into heads": (changed("own", split=features_first), "forward", "own"),
    "a missing scale": (changed("own", forward=answered(scale=1.0)), "forward", "own"),
    "a missing causal mask": (changed("own", forward=answered(is_causal=False)), "forward", "own"),
    "a mask too much": (changed("cross", forward=answered(is_causal=True)), "forward", "cross"),
    "itself for the other": (changed("cross", forward=itself), "forward", "cross"),
    "no positions": (changed("rotary", project=without_positions), "forward", "rotary"),
    "no gradient of keys": (changed("cross", project=constant_keys), "gradients", "cross"),
}  # fmt: skip


def told(change: Callable[[torch.Tensor], Any]) -> Callable[..., torch.Tensor]:
    """A forward pass that is told something else of the padding."""

    def forward(module: Any, x: torch.Tensor, memory: Any = None, keys: Any = None) -> torch.Tensor:
        return type(module).forward(module, x, memory, change(keys))  # type: ignore[no-any-return]

    return forward


CHANGES: dict[str, Callable[[torch.Tensor], Any]] = {
    "padding that is seen": lambda keys: None,
    "one step too many": lambda keys: keys | keys.roll(1, 1),
    "one step too few": lambda keys: keys & (keys.roll(-1, 1) | (keys.sum(1, True) == 1)),
    "another row's padding": lambda keys: keys.roll(1, 0),
}


@pytest.mark.parametrize("path", ["own", "cross", "memory"])
@pytest.mark.parametrize("name", CHANGES)
def test_wrong_padding_breaks_the_outputs(path: str, name: str) -> None:
    given, fault = problem(model=padded()), changed(path, forward=told(CHANGES[name]))
    rung = list(climb(given, [side(name="torch"), side(fault)]))[-1]
    assert (rung.ok, rung.name, rung.first_layer) == (False, "forward", path)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_without_a_fault_every_rung_holds(optimizer: str) -> None:
    given = problem(model=MODEL, optimizer=optimizer)
    harmless = changed("own", forward=answered())
    rungs = list(climb(given, [side(name="torch"), side(harmless)], 2))
    assert len(rungs) == 8 and all(rung.ok for rung in rungs)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_breaks_the_right_rung(name: str) -> None:
    fault, rung, layer = FAULTS[name]
    found = reached(fault, optimizer="sgd")
    assert (found.ok, found.name, found.first_layer) == (False, rung, layer)


def across(module: Any, x: torch.Tensor) -> torch.Tensor:
    whole = super(type(module), module).forward(x.flatten(1, 2))
    return whole.unflatten(1, x.shape[1:3])


def test_rows_that_see_each_other_are_found() -> None:
    x = Input((3, 4, 6), name="x")
    model = functional(x, L.Dense(2, name="told")(L.MultiHeadAttention(2, name="own")(x)))
    given = problem(model=model, optimizer="sgd")
    found = list(climb(given, [side(name="torch"), side(changed("own", forward=across))]))[-1]
    assert (found.ok, found.name, found.first_layer) == (False, "forward", "own")
