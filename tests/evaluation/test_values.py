"""Regression scores: undefined cases, refusals, the sample for the picture."""

import json

import numpy as np
import pytest

from trimaran.errors import DataError
from trimaran.evaluation import score_values


def test_a_constant_target_has_no_r2_and_says_so():
    scores = score_values(np.ones(5), np.arange(5.0))
    assert scores.metrics["r2"].value is None
    assert "constant" in scores.metrics["r2"].reason
    json.dumps(scores.to_json(), allow_nan=False)


def test_one_row_has_no_r2():
    assert "two rows" in score_values([1.0], [2.0]).metrics["r2"].reason


def test_perfect_predictions_are_perfect():
    scores = score_values(np.arange(5.0), np.arange(5.0))
    assert [scores.metrics[name].value for name in ("mae", "rmse", "r2")] == [0, 0, 1]


def test_rows_that_are_not_finite_are_named():
    with pytest.raises(DataError, match="prediction of row 9"):
        score_values(np.ones(2), [1.0, np.nan], ids=np.array([3, 9]))
    with pytest.raises(DataError, match="target of row 3"):
        score_values([np.inf, 1.0], np.ones(2), ids=np.array([3, 9]))


def test_shapes_must_agree():
    with pytest.raises(DataError, match=r"\(2,\)"):
        score_values(np.ones(2), np.ones(3))


def test_several_outputs_are_told_apart():
    true = np.array([[0.0, 0.0], [1.0, 10.0]])
    scores = score_values(true, true + [0.0, 2.0], ["width", "height"])
    assert [row["output"] for row in scores.per_output] == ["width", "height"]
    assert [row["mae"]["value"] for row in scores.per_output] == [0.0, 2.0]
    assert scores.metrics["mae"].value == 1.0


def test_the_sample_of_pairs_is_bounded_and_true():
    true = np.arange(4000.0)
    pairs = score_values(true, -true, seed=3).pairs
    assert len(pairs) == 500
    assert all(guess == -value for _, value, guess in pairs)
    assert pairs == score_values(true, -true, seed=3).pairs
