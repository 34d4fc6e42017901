"""Undefined cases are told, bad input is refused by name, and the JSON keeps its shape."""

import json
import time

import numpy as np
import pytest

from trimaran.errors import DataError
from trimaran.evaluation import score_classes, scores_json


def softmax(raw: np.ndarray) -> np.ndarray:
    return np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)


def test_a_class_without_rows_leaves_the_areas_undefined_with_the_reason():
    true = np.array([0, 1, 0, 1, 1])
    chances = softmax(np.random.default_rng(0).normal(size=(5, 3)))
    scores = score_classes(true, chances, ["cat", "dog", "emu"])
    for name in ("roc_auc", "pr_auc"):
        assert scores.metrics[name].value is None
        assert "'emu'" in scores.metrics[name].reason
    assert scores.metrics["accuracy"].value is not None
    assert scores.per_class[2]["roc_auc"] is None
    assert scores.per_class[2]["recall_low"] is None


def test_one_class_only_is_scored_as_far_as_it_goes():
    scores = score_classes(np.zeros(6, int), np.full((6, 2), 0.5), ["no", "yes"])
    assert scores.metrics["roc_auc"].value is None
    assert scores.metrics["accuracy"].value == 1
    json.dumps(scores.to_json(), allow_nan=False)


def test_one_row_is_scored():
    scores = score_classes(np.array([1]), np.array([[0.9, 0.1]]), ["no", "yes"])
    assert scores.metrics["accuracy"].value == 0
    json.dumps(scores.to_json(), allow_nan=False)


def test_the_chance_of_the_second_class_is_enough_for_two_classes():
    true, chance = np.array([0, 1, 1, 0]), np.array([0.2, 0.7, 0.4, 0.1])
    both = np.stack([1 - chance, chance], axis=1)
    expected = score_classes(true, both, ["no", "yes"]).to_json()
    assert score_classes(true, chance, ["no", "yes"]).to_json() == expected
    assert score_classes(true, chance[:, None], ["no", "yes"]).to_json() == expected


@pytest.mark.parametrize(
    ("true", "chances", "words"),
    [
        (np.array([0, 1]), np.array([[0.5, 0.5], [np.nan, 0.5]]), "row 70 is not finite"),
        (np.array([0, 2]), np.full((2, 2), 0.5), "Row 70 has class number 2"),
        (np.array([0, -1]), np.full((2, 2), 0.5), "Row 70 has class number -1"),
        (np.array([0]), np.full((2, 2), 0.5), "cannot be scored"),
        (np.array([], int), np.zeros((0, 2)), "cannot be scored"),
        (np.array([0, 1]), np.full((2, 3), 0.3), "expected (n,) and (n, 2)"),
    ],
)
def test_bad_rows_are_refused_by_their_original_number(true, chances, words):
    with pytest.raises(DataError) as error:
        score_classes(true, chances, ["a", "b"], ids=np.array([7, 70]))
    assert words in str(error.value)


@pytest.mark.parametrize("weights", [[1, -1], [0, 0], [1, np.inf], [1, 1, 1]])
def test_bad_weights_are_refused(weights):
    with pytest.raises(DataError, match="weights"):
        score_classes(np.array([0, 1]), np.full((2, 2), 0.5), ["a", "b"], weights=weights)


def test_scores_json_has_the_shape_of_the_run_folder():
    true = np.arange(30) % 3
    chances = softmax(np.random.default_rng(0).normal(size=(30, 3)))
    text = scores_json({"test": score_classes(true, chances, ["a", "b", "c"])})
    split = json.loads(text)["splits"]["test"]
    assert set(split) == {"n", "metrics", "confusion", "classes", "calibration", "per_class"}
    assert set(split["metrics"]["accuracy"]) == {"value", "low", "high", "method"}
    assert np.array(split["confusion"]).sum() == split["n"] == 30
    assert len(split["calibration"]) == 15


def test_every_interval_holds_its_value():
    random = np.random.default_rng(0)
    for rows in (4, 12, 200):
        true = random.integers(0, 3, rows)
        true[:3] = [0, 1, 2]
        chances = softmax(random.normal(size=(rows, 3)) + np.eye(3)[true])
        for score in score_classes(true, chances, ["a", "b", "c"]).metrics.values():
            assert score.low - 1e-12 <= score.value <= score.high + 1e-12


def test_many_classes_are_scored_without_a_cube_of_memory():
    random = np.random.default_rng(0)
    true = random.integers(0, 200, 2000)
    chances = softmax(random.normal(size=(2000, 200)) + 3 * np.eye(200)[true])
    scores = score_classes(true, chances, [str(i) for i in range(200)])
    assert 0 < scores.metrics["f1_macro"].low < scores.metrics["f1_macro"].high < 1


def test_ten_thousand_rows_of_ten_classes_take_well_under_half_a_second():
    random = np.random.default_rng(0)
    true = random.integers(0, 10, 10_000)
    chances = softmax(random.normal(size=(10_000, 10)) + 5 * np.eye(10)[true]).astype("f4")
    times = []
    for _ in range(3):
        start = time.process_time()
        scores_json({"test": score_classes(true, chances, [str(i) for i in range(10)])})
        times.append(time.process_time() - start)
    assert min(times) < 0.5
