"""Optimizer settings; that the formulas equal PyTorch is held in tests/backends/torch."""

import numpy as np
import pytest

from trimaran.errors import RecipeError
from trimaran.training.optimizers import (
    OPTIMIZERS,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    RMSProp,
    first_slot,
    optimizer,
    optimizer_json,
)


def test_defaults_are_those_of_keras() -> None:
    assert SGD() == SGD(0.01, 0.0, False, 0.0)
    assert Adam() == Adam(1e-3, 0.9, 0.999, 1e-7, 0.0)
    assert AdamW() == AdamW(1e-3, 0.004, 0.9, 0.999, 1e-7)
    assert RMSProp() == RMSProp(1e-3, 0.9, 0.0, 1e-7, False, 0.0)
    assert Adagrad() == Adagrad(1e-3, 0.1, 1e-7, 0.0)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_name_and_its_json_give_the_same_settings(name: str) -> None:
    assert optimizer(name) == OPTIMIZERS[name]()
    assert optimizer(name.upper()) == OPTIMIZERS[name]()
    value = optimizer_json(optimizer({"name": name, "learning_rate": 0.5}))
    assert value["name"] == name and value["learning_rate"] == 0.5
    assert optimizer(value).learning_rate == 0.5


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("adm", "'adam'"),
        ({"name": "adam", "learnin_rate": 1}, "'learning_rate'"),
        ({"learning_rate": 1}, "known are sgd"),
        ({"name": "adam", "learning_rate": -1}, "learning_rate"),
        ({"name": "adam", "learning_rate": float("nan")}, "learning_rate"),
        ({"name": "adam", "beta_1": 1.0}, "beta_1"),
        ({"name": "adamw", "beta_2": -0.1}, "beta_2"),
        ({"name": "adam", "epsilon": 0.0}, "epsilon"),
        ({"name": "sgd", "momentum": 1.0}, "momentum"),
        ({"name": "sgd", "nesterov": True}, "momentum"),
        ({"name": "rmsprop", "rho": 1.5}, "rho"),
        ({"name": "adagrad", "initial_accumulator_value": -1}, "initial_accumulator_value"),
        ({"name": "sgd", "weight_decay": -1}, "weight_decay"),
        (3, "a name or a mapping"),
    ],
)
def test_impossible_settings_are_named(value: object, hint: str) -> None:
    with pytest.raises(RecipeError, match=hint):
        optimizer(value)  # type: ignore[arg-type]


def test_only_the_slots_in_use_exist() -> None:
    assert SGD().slots_used() == ()
    assert SGD(momentum=0.9).slots_used() == ("momentum",)
    assert RMSProp().slots_used() == ("variance",)
    assert RMSProp(centered=True, momentum=0.5).slots_used() == ("variance", "mean", "momentum")
    assert first_slot(Adagrad(), "sum") == 0.1 and first_slot(Adam(), "mean") == 0.0


def test_first_updates_by_hand() -> None:
    w, g = np.array([1.0]), np.array([0.5])
    zero = {slot: np.zeros(1) for slot in ("momentum", "mean", "variance")}
    assert SGD().formula(w, g, {}, 0.1, 1)[0] == pytest.approx([0.95])
    nesterov = SGD(momentum=0.9, nesterov=True)
    assert nesterov.formula(w, g, zero, 0.1, 1)[0] == pytest.approx([1 - 0.1 * 0.95])
    # The first Adam update is the rate times the gradient's sign, up to epsilon.
    assert Adam().formula(w, g, zero, 0.1, 1)[0] == pytest.approx([0.9], abs=1e-7)
    decayed = AdamW(weight_decay=0.5).formula(w, g, zero, 0.1, 1)[0]
    assert decayed == pytest.approx([0.95 - 0.1], abs=1e-7)
    assert RMSProp(rho=0.75).formula(w, g, zero, 0.1, 1)[0] == pytest.approx([0.8], abs=1e-6)
    total = {"sum": np.array([0.75])}
    assert Adagrad().formula(w, g, total, 0.1, 1)[0] == pytest.approx([0.95], abs=1e-7)
