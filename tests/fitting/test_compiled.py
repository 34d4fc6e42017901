"""What `compile` was told, for one output and for several."""

import json

import pytest

from trimaran import layers, losses, optimizers, spec
from trimaran.errors import RecipeError
from trimaran.fitting.compiled import Compiled
from trimaran.tasks.loss import Loss
from trimaran.training.settings import Training

ONE = spec.sequential([layers.Dense(3, activation="softmax")], (4,))
LOGITS = spec.sequential([layers.Dense(3)], (4,))
X = layers.Input((4,))
TWO = spec.functional(
    X, {"kind": layers.Dense(3, activation="softmax")(X), "size": layers.Dense(1)(X)}
)
SPARSE = "sparse_categorical_crossentropy"


@pytest.mark.parametrize(
    ("model", "loss", "from_logits"),
    [
        (ONE, SPARSE, True),
        (ONE, losses.SparseCategoricalCrossentropy(), True),
        (LOGITS, SPARSE, False),
        (LOGITS, losses.SparseCategoricalCrossentropy(from_logits=True), True),
        (ONE, "mse", False),
    ],
)
def test_a_loss_works_on_logits_where_the_head_matches_or_it_was_said(model, loss, from_logits):
    found = Compiled(loss).objective(model).losses["output"]
    assert found.from_logits is from_logits


@pytest.mark.parametrize(
    "compiled",
    [
        Compiled([SPARSE, "mse"], [["acc"], ["mae"]], [1.0, 0.5]),
        Compiled({"size": "mse", "kind": SPARSE}, {"kind": "acc", "size": ["mae"]}, {"size": 0.5}),
    ],
)
def test_outputs_go_in_order_or_by_name(compiled):
    objective = compiled.objective(TWO)
    assert objective.losses["kind"] == Loss(SPARSE, True)
    assert objective.losses["size"] == Loss("mean_squared_error", False, weight=0.5)
    assert objective.metrics == {"kind": ("accuracy",), "size": ("mean_absolute_error",)}
    told = {"loss": 1.0, "kind_loss": 0.5, "kind_accuracy": 0.9, "val_kind_accuracy": 0.8}
    named = compiled.renamed(TWO, told)
    assert named == {"loss": 1.0, "kind_loss": 0.5, "kind_acc": 0.9, "val_kind_acc": 0.8}


def test_an_output_without_a_loss_is_not_trained():
    objective = Compiled({"size": "mse"}).objective(TWO)
    assert list(objective.losses) == ["size"]
    assert objective.metrics == {"size": ()}


def test_json_keeps_everything():
    training = Training(optimizer=optimizers.SGD(0.1, 0.9), clip_norm=1.0)
    loss = losses.CategoricalCrossentropy(label_smoothing=0.1)
    for given in (
        Compiled(loss, ["acc"], None, training),
        Compiled({"size": loss}, (), {"size": 2}),
    ):
        again = Compiled.from_json(json.loads(json.dumps(given.to_json())))
        assert again.to_json() == given.to_json()
        assert again.training == given.training
    assert again.loss == {"size": loss}


def test_an_unknown_output_is_named_with_the_nearest():
    with pytest.raises(RecipeError, match="metrics names no output 'kinds'; did you mean 'kind'"):
        Compiled([SPARSE, "mse"], {"kinds": ["acc"]}).objective(TWO)
