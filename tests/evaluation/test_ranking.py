"""Influences of rows: DeLong by its quadratic definition, and numerical derivatives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimaran.evaluation import ranking


def delong_variance(positive: np.ndarray, scores: np.ndarray) -> float:
    """The textbook estimator, from all pairs."""
    above = scores[positive][:, None] - scores[~positive][None, :]
    kernel = (above > 0) + 0.5 * (above == 0)
    one, other = kernel.mean(axis=1), kernel.mean(axis=0)
    return one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other)


@pytest.mark.parametrize("ties", [False, True])
def test_influences_of_the_roc_area_give_delongs_variance(ties):
    random = np.random.default_rng(7)
    positive = random.random(150) < 0.3
    scores = random.normal(size=150) + positive
    scores = np.round(scores) if ties else scores
    estimate = ranking.roc_auc(positive, scores, np.ones(150))
    assert (estimate.influence**2).sum() == pytest.approx(delong_variance(positive, scores))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(6, 30), st.booleans())
def test_influence_is_the_derivative_by_the_weight(seed, rows, ties):
    random = np.random.default_rng(seed)
    positive = np.arange(rows) % 3 == 0
    scores = random.normal(size=rows)
    scores = np.round(scores) if ties else scores
    weights = random.uniform(0.5, 2, rows)
    found = ranking.average_precision(positive, scores, weights)
    assert found.influence.sum() == pytest.approx(0, abs=1e-9)
    for row in range(rows):
        moved = weights.copy()
        moved[row] *= 1 + 1e-6
        again = ranking.average_precision(positive, scores, moved)
        slope = (again.value - found.value) / 1e-6
        assert found.influence[row] == pytest.approx(slope, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 40))
def test_roc_area_turns_over_with_the_scores(seed, rows):
    random = np.random.default_rng(seed)
    positive = np.arange(rows) % 2 == 0
    scores = random.integers(0, 5, rows).astype(float)
    weights = random.uniform(0.1, 3, rows)
    up = ranking.roc_auc(positive, scores, weights).value
    down = ranking.roc_auc(positive, -scores, weights).value
    assert up + down == pytest.approx(1)


def test_a_row_of_weight_zero_is_no_row():
    random = np.random.default_rng(3)
    positive, scores = np.arange(20) % 2 == 0, random.normal(size=20)
    weights = np.where(np.arange(20) < 14, 1.0, 0.0)
    for metric in (ranking.roc_auc, ranking.average_precision):
        full = metric(positive, scores, weights).value
        assert full == pytest.approx(metric(positive[:14], scores[:14], np.ones(14)).value)
