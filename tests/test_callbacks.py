"""Keras's callbacks become the settings that do the same."""

import pytest

from trimaran.callbacks import EarlyStopping, ReduceLROnPlateau, applied
from trimaran.errors import RecipeError
from trimaran.training import stopping
from trimaran.training.schedules import ReduceOnPlateau
from trimaran.training.settings import Training


def test_keras_defaults_are_kept():
    settings = applied([EarlyStopping(), ReduceLROnPlateau()], Training())
    assert settings.early_stopping == stopping.EarlyStopping(
        "val_loss", patience=0, min_delta=0.0, mode="auto", restore_best_weights=False
    )
    assert settings.schedule == ReduceOnPlateau("val_loss", 0.1, 10, 1e-4, 0, 0.0)


def test_one_callback_needs_no_list_and_none_changes_nothing():
    rule = EarlyStopping(monitor="loss", patience=3)
    assert applied(rule, Training()) == applied([rule], Training())
    assert applied(None, Training()) == Training()


def test_two_schedules_are_refused():
    with pytest.raises(RecipeError, match="another one \\(CosineDecay\\)"):
        applied(ReduceLROnPlateau(), Training(schedule="cosine"))
