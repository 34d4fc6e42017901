"""Paired gains against SciPy's interval, and what is said of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from trimaran.evaluation.paired import paired


def test_the_interval_is_that_of_paired_rows() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(4000) < 0.9, rng.random(4000) < 0.87
    found = paired(a, b)
    wanted = stats.ttest_rel(a.astype(float), b.astype(float)).confidence_interval()
    assert found.gain == pytest.approx(a.mean() - b.mean())
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=1e-5)


@pytest.mark.parametrize(
    ("shift", "says"), [(1.0, "network"), (-1.0, "baseline"), (0.0, "Neither")]
)
def test_it_says_who_is_better_only_where_that_is_certain(shift: float, says: str) -> None:
    noise = np.random.default_rng(0).normal(size=400)
    noise -= noise.mean()
    assert says in str(paired(noise + shift, np.zeros(400)))


def test_one_row_says_nothing_and_is_json() -> None:
    found = paired(np.ones(1), np.zeros(1))
    assert found.to_json() == {"gain": 1.0, "low": None, "high": None}
    assert "One row says nothing" in str(found)
