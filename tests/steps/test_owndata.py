"""The recipe made for the user's own data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trimaran import recipe as recipes
from trimaran.recipe import Layer, Recipe
from trimaran.steps.owndata import own_data, pace


@pytest.fixture
def table(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 3))
    lines = ["a,b,c,kind"] + [f"{a},{b},{c},{'yes' if a + b > 0 else 'no'}" for a, b, c in x]
    path = tmp_path / "points.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def made(path: Path, name: str | None = None, **training: object) -> tuple[Recipe, list[str]]:
    values = {"data": {"target": "kind"}, "training": training}
    return own_data(name, str(path), (Layer("test", values),))


def test_small_data_trains_longer_and_stops_early(table: Path) -> None:
    recipe, sentences = made(table)
    assert (recipe.task, recipe.model.zoo, recipe.training.epochs) == ("classify", "mlp", 100)
    assert recipe.training.early_stopping is not None
    assert "up to 100 epochs, fewer where val_loss stands still for 10" in sentences[-1]


def test_what_is_chosen_wins(table: Path) -> None:
    assert made(table, epochs=3)[0].training.epochs == 3
    named = made(table, "digits-mlp")[0]
    assert named.training == recipes.load("digits-mlp").training


def test_the_model_that_was_asked_for_is_named_as_such(table: Path) -> None:
    assert "Model: mlp, the network for rows of numbers." in made(table)[1]
    values = {"data": {"target": "kind"}, "model": {"zoo": "perceptron"}}
    recipe, sentences = own_data(None, str(table), (Layer("test", values),))
    assert recipe.model.zoo == "perceptron"
    assert [s for s in sentences if s.startswith("Model")] == ["Model: perceptron, as asked for."]


@pytest.mark.parametrize(("rows", "epochs"), [(100, 100), (20_000, 30), (60_000, 10), (10**7, 5)])
def test_the_pace_is_about_three_thousand_updates(rows: int, epochs: int) -> None:
    assert pace(rows, Recipe())["epochs"] == epochs


def test_without_validation_nothing_is_monitored() -> None:
    base = recipes.load({"data": {"set": "digits", "validation": 0}})
    assert "early_stopping" not in pace(1000, base)
