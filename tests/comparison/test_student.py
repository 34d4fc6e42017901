"""Student's t against SciPy, and sentences that claim no more than they show."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from trimaran.comparison import student


@pytest.mark.parametrize("freedom", [1, 2, 3, 9, 40, 300])
def test_the_distribution_is_scipys(freedom: int) -> None:
    for t in (0.0, 0.01, -0.7, 1.0, 2.5, -6.0, 40.0):
        expected = 2 * stats.t.sf(abs(t), freedom)
        assert student.tail(t, freedom) == pytest.approx(expected, rel=1e-10, abs=1e-300)
    for share in (0.6, 0.95, 0.975, 0.999):
        expected = stats.t.ppf(share, freedom)
        assert student.quantile(share, freedom) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1.0, 0.5), (4.5, 0.5), (7.0, 2.0), (0.3, 9.0)])
def test_the_beta_function_is_scipys(a: float, b: float) -> None:
    for x in (0.0, 1e-6, 0.2, 0.5, 0.9, 1 - 1e-9, 1.0):
        assert student.incomplete_beta(x, a, b) == pytest.approx(special.betainc(a, b, x), 1e-10)


@pytest.mark.parametrize("count", [2, 3, 8])
def test_intervals_and_pairs_are_scipys(count: int) -> None:
    rng = np.random.default_rng(count)
    a, b = rng.normal(1.0, 0.1, count), rng.normal(1.05, 0.1, count)
    found = student.mean(a.tolist())
    low, high = stats.t.interval(0.95, count - 1, a.mean(), stats.sem(a))
    assert (found.mean, found.low, found.high) == pytest.approx((a.mean(), low, high), rel=1e-9)
    apart, oracle = student.paired(a.tolist(), b.tolist()), stats.ttest_rel(a, b)
    assert apart.p == pytest.approx(oracle.pvalue, rel=1e-9)
    bounds = oracle.confidence_interval(0.95)
    assert (apart.difference.low, apart.difference.high) == pytest.approx(tuple(bounds), rel=1e-9)


def test_one_run_bounds_nothing() -> None:
    found = student.mean([0.9])
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert math.isnan(student.paired([0.9], [0.8]).p)


def test_equal_runs_and_a_constant_difference() -> None:
    assert student.paired([0.9, 0.8], [0.9, 0.8]).p == 1.0
    assert student.paired([2.0, 3.0], [1.0, 2.0]).p == 0.0


def test_holm_corrects_the_smallest_most() -> None:
    assert student.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert student.holm([0.9, 0.6]) == pytest.approx([1.0, 1.0])
    assert student.holm([]) == []


def test_a_verdict_says_only_what_is_shown() -> None:
    names = ("A", "B")
    found = student.paired([3.0, 3.1, 3.2], [1.0, 1.1, 1.21])
    assert student.verdict(names, found, 0.2) == "no difference shown between A and B"
    assert student.verdict(names, found, math.nan) == "no difference shown between A and B"
    assert student.verdict(names, found, 0.001).startswith("A is higher than B by 2")
    turned = student.paired([1.0, 1.1, 1.21], [3.0, 3.1, 3.2])
    assert student.verdict(names, turned, 0.001).startswith("A is lower than B by 2")


def test_times_are_told_by_median_and_range() -> None:
    assert student.spread([3.0, 1.0, 2.0, 9.0]) == {
        "median": 2.5,
        "low": 1.0,
        "high": 9.0,
        "runs": 4,
    }
