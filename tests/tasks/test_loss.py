import json
import math

import pytest

from trimaran.errors import RecipeError
from trimaran.tasks.loss import KINDS, Loss, Objective


@pytest.mark.parametrize("kind", KINDS)
def test_json_round_trip(kind: str) -> None:
    loss = Loss(kind, weight=2.0)
    assert Loss.from_json(json.loads(json.dumps(loss.to_json()))) == loss
    assert Objective({"output": loss}).figures("output")


def test_class_weights_survive_json() -> None:
    loss = Loss("sparse_categorical_crossentropy", class_weights=(1.0, 2.0))
    assert Loss.from_json(json.loads(json.dumps(loss.to_json()))) == loss


def test_short_names_are_written_out() -> None:
    assert Loss("mse").kind == "mean_squared_error"


@pytest.mark.parametrize(
    ("kind", "head", "on_logits"),
    [
        ("sparse_categorical_crossentropy", "softmax", True),
        ("categorical_crossentropy", "softmax", True),
        ("binary_crossentropy", "sigmoid", True),
        ("binary_crossentropy", "softmax", False),
        ("sparse_categorical_crossentropy", "sigmoid", False),
        ("sparse_categorical_crossentropy", None, False),
        ("mean_squared_error", "softmax", False),
    ],
)
def test_a_matching_head_is_left_to_the_loss(kind: str, head: str | None, on_logits: bool) -> None:
    assert Loss(kind).on(head).from_logits is on_logits


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({"kind": "crossentropy"}, "There is no loss"),
        ({"kind": "categorical_crossentropy", "label_smoothing": 1.0}, "label_smoothing"),
        ({"kind": "mse", "label_smoothing": 0.1}, "no classes"),
        ({"kind": "huber", "class_weights": (1.0,)}, "no classes"),
        ({"kind": "pinball"}, r"has the levels \[\]; pinball needs some between 0 and 1"),
        ({"kind": "pinball", "levels": (0.5, 1.0)}, "pinball needs some between 0 and 1"),
        ({"kind": "huber", "levels": (0.5,)}, "no other has any"),
        ({"kind": "binary_crossentropy", "class_weights": (1.0, -1.0)}, "Class weights"),
        ({"kind": "binary_crossentropy", "class_weights": (1.0, math.nan)}, "Class weights"),
    ],
)
def test_impossible_losses_are_named(arguments: dict[str, object], hint: str) -> None:
    with pytest.raises(RecipeError, match=hint):
        Loss(**arguments)  # type: ignore[arg-type]


def test_impossible_objectives_are_named() -> None:
    with pytest.raises(RecipeError, match="at least one output"):
        Objective({})
    with pytest.raises(RecipeError, match="'recall'"):
        Objective({"output": Loss("mse")}, {"output": ("recall",)})
    with pytest.raises(RecipeError, match="'other'"):
        Objective({"output": Loss("mse")}, {"other": ("accuracy",)})
