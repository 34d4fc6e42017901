import json

import pytest

from trimaran.data.augment import Augment
from trimaran.errors import RecipeError
from trimaran.training.optimizers import SGD
from trimaran.training.settings import Training, seconds
from trimaran.training.stopping import EarlyStopping


def test_json_holds_every_value_and_reads_back() -> None:
    made = Training(
        optimizer={"name": "sgd", "momentum": 0.9},  # type: ignore[arg-type]
        schedule="one-cycle",  # type: ignore[arg-type]
        early_stopping={"patience": 2},  # type: ignore[arg-type]
        freeze="conv*",  # type: ignore[arg-type]
        class_weights=(1, 2),
        augment=Augment(flip=True),
        time_limit="10m",
    )
    assert made.optimizer == SGD(momentum=0.9)
    assert made.early_stopping == EarlyStopping(patience=2)
    assert made.freeze == ("conv*",) and made.time_limit == 600
    value = json.loads(json.dumps(made.to_json()))
    assert Training.from_json(value).to_json() == value
    assert value["augment"]["flip"] is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("10m", 600), ("1h30m", 5400), ("1h2m3.5s", 3723.5), ("45", 45), (2.5, 2.5)],
)
def test_durations(text: float | str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "10 minutes", "m", "-3s", 0, "0s", float("inf")])
def test_bad_durations(text: float | str) -> None:
    with pytest.raises(RecipeError, match="time_limit"):
        seconds(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", 0),
        ("epochs", 2.5),
        ("batch_size", True),
        ("accumulate", 0),
        ("keep", 0),
        ("seed", 1.5),
        ("seed", -1),
        ("seed", 2**64),
        ("threads", 0),
        ("threads", "many"),
        ("precision", "float16"),
        ("device", "tpu"),
        ("compile", "maybe"),
        ("clip_norm", 0.0),
        ("clip_value", -1.0),
        ("label_smoothing", 1.0),
        ("ema", 1.0),
        ("class_weights", "even"),
        ("optimizer", "none"),
        ("early_stopping", {"patience": -1}),
        ("early_stopping", {"mode": "down"}),
        ("learning_rte", 1),
    ],
)
def test_impossible_settings_are_named(key: str, value: object) -> None:
    with pytest.raises(RecipeError, match=key):
        Training.from_json({key: value})


def test_a_yaml_boolean_for_compile_is_understood() -> None:
    assert Training.from_json({"compile": True}).compile == "on"
    assert Training.from_json({"compile": False}).compile == "off"
