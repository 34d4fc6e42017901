"""From a recipe's model block and the data's shapes to a description and its objective."""

from __future__ import annotations

import numpy as np
import pytest

from trimaran.data.prepare import prepare_arrays
from trimaran.data.prepared import Prepared
from trimaran.errors import RecipeError
from trimaran.recipe import ModelSettings, Recipe
from trimaran.steps.description import describe, objective, settle, suggestion

RNG = np.random.default_rng(0)


def pictures(side: int, channels: int) -> Prepared:
    x = RNG.integers(0, 256, (60, side, side, channels), dtype=np.uint8)
    return prepare_arrays(x, np.arange(60) % 3)


def table(classes: int = 2) -> Prepared:
    return prepare_arrays(RNG.standard_normal((60, 5)), np.arange(60) % classes)


def numbers(columns: int) -> Prepared:
    return prepare_arrays(RNG.standard_normal((60, 5)), RNG.standard_normal((60, columns)))


@pytest.mark.parametrize(
    ("prepared", "name"),
    [(pictures(28, 1), "mnist-cnn"), (pictures(32, 3), "cifar10-cnn"), (pictures(8, 1), "mlp"),
     (table(), "mlp")],
)  # fmt: skip
def test_the_datas_kind_chooses_where_the_recipe_does_not(prepared: Prepared, name: str) -> None:
    assert suggestion(prepared) == name
    assert describe(ModelSettings(), prepared).name == name


def test_two_classes_may_be_one_sigmoid() -> None:
    model = describe(ModelSettings(zoo="perceptron", classes=1), table())
    (loss,) = objective(model, table()).losses.values()
    assert model.size == 6 and (loss.kind, loss.from_logits) == ("binary_crossentropy", True)


def test_classes_are_learned_on_the_logits_and_numbers_without_a_head() -> None:
    model = describe(ModelSettings(zoo="mlp"), table(3))
    (loss,) = objective(model, table(3)).losses.values()
    assert (loss.kind, loss.from_logits) == ("sparse_categorical_crossentropy", True)
    model = describe(ModelSettings(zoo="mlp"), numbers(2))
    (loss,) = objective(model, numbers(2)).losses.values()
    assert model.heads == {} and model.output_shape("output") == (2,)
    assert (loss.kind, loss.from_logits) == ("mean_squared_error", False)


def test_what_the_data_decided_is_written_out() -> None:
    prepared = pictures(28, 1)
    settled = settle(Recipe(), prepared, describe(ModelSettings(), prepared))
    assert settled.task == "classify"
    assert settled.model == ModelSettings("mnist-cnn", None, (28, 28, 1), 3)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (ModelSettings(zoo="mlp", classes=4), "has 2 classes"),
        (ModelSettings(zoo="mlp", input_shape=(4,)), "the shape \\(5,\\)"),
    ],
)
def test_settings_against_the_data_are_refused(settings: ModelSettings, text: str) -> None:
    with pytest.raises(RecipeError, match=text):
        describe(settings, table())
