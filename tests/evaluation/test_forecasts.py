"""Scores of forecasts against their formulas by hand, scikit-learn, and planted answers."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, mean_squared_error

from trimaran.errors import DataError
from trimaran.evaluation.forecasts import Truth, long_run, pinball, score_forecasts

RNG = np.random.default_rng(0)
SCALE = np.array([2.0, 5.0])


def truth(values: np.ndarray, errors: tuple[float | None, ...] = (0.5, 4.0)) -> Truth:
    origins = np.arange(len(values))
    return Truth(values, origins, SCALE, errors, ("a", "b"), 24)


def case(count: int = 50) -> tuple[Truth, np.ndarray]:
    true = RNG.normal(10, 2, (count, 3, 2))
    return truth(true), true + RNG.normal(0, 1, true.shape)


def test_metrics_are_those_of_scikit_learn() -> None:
    given, told = case()
    found = score_forecasts(given, told, {}).metrics
    a, b = given.values.ravel(), told.ravel()
    scaled = (given.values / SCALE).ravel(), (told / SCALE).ravel()
    expected = {
        "mae": mean_absolute_error(a, b),
        "mse": mean_squared_error(a, b),
        "rmse": np.sqrt(mean_squared_error(a, b)),
        "mse_standardized": mean_squared_error(*scaled),
        "mae_standardized": mean_absolute_error(*scaled),
        "smape": np.mean(200 * np.abs(a - b) / (np.abs(a) + np.abs(b))),
        "mase": (np.abs(told - given.values) / [0.5, 4.0]).mean(),
    }
    assert {name: found[name].value for name in expected} == pytest.approx(expected)
    assert all(score.low <= score.value <= score.high for score in found.values())


def test_quantiles_are_judged_by_pinball_loss_and_coverage() -> None:
    given, _ = case(400)
    levels = {0.1: given.values * 0 + 7.5, 0.9: given.values * 0 + 12.5}
    found = score_forecasts(given, given.values, {}, levels).metrics
    for level, told in levels.items():
        flat = pinball(given.values, told, level).mean()
        assert flat == pytest.approx(
            mean_pinball_loss(given.values.ravel(), told.ravel(), alpha=level)
        )
    inside = ((given.values >= 7.5) & (given.values <= 12.5)).mean()
    assert found["coverage_80"].value == pytest.approx(inside)


def test_the_verdict_says_plainly_who_is_beaten() -> None:
    given, told = case(400)
    noise = RNG.normal(0, 1, told.shape)
    others = {"poor": told + 3, "fine": given.values + 0.01 * noise, "same": told[::1] * 1.0}
    found = score_forecasts(given, told, others)
    says = {name: entry["network"] for name, entry in found.against.items()}
    assert says == {"poor": "better", "fine": "worse", "same": "no different"}
    assert found.verdict == (
        "The network does not beat every baseline: it beats poor; it is not surely better than "
        "same; it is worse than fine."
    )
    assert score_forecasts(given, told, {"poor": told + 3}).verdict == "The network beats poor."


def test_a_baseline_that_cannot_be_says_why() -> None:
    given, told = case()
    found = score_forecasts(given, told, {"seasonal_naive": "the window is too short"})
    score = found.baselines["seasonal_naive"]["mse_standardized"]
    assert score.value is None and score.reason == "the window is too short"


def test_long_run_variance_by_hand() -> None:
    parts = np.array([1.0, -2.0, 3.0, 0.5])
    lag1, lag2 = parts[1:] @ parts[:-1], parts[2:] @ parts[:-2]
    expected = parts @ parts + 2 * (2 / 3 * lag1 + 1 / 3 * lag2)
    assert long_run(parts, 2) == pytest.approx(expected)
    assert long_run(np.array([1.0, -1.0]), 1) == pytest.approx(1.0)


def test_intervals_cover_the_mean_of_errors_that_go_together() -> None:
    """Errors of overlapping windows are moving averages; the plain formula covers far less."""
    rng, hits, naive = np.random.default_rng(1), 0, 0
    for _ in range(300):
        shocks = rng.normal(0, 1, 407) ** 2
        series = np.convolve(shocks, np.ones(8) / 8, "valid")
        error = np.sqrt(np.repeat(series[:, None, None], 8, axis=1))
        given = Truth(error * 0, np.arange(400), np.ones(1), (1.0,), ("a",), 1)
        score = score_forecasts(given, error, {}).metrics["mse"]
        hits += score.low <= 1.0 <= score.high
        half = 1.96 * series.std() / np.sqrt(len(series))
        naive += abs(series.mean() - 1.0) <= half
    assert hits / 300 > 0.88 and naive / 300 < 0.7


def test_what_cannot_be_scored_is_told() -> None:
    given, told = case()
    with pytest.raises(DataError, match="did training diverge"):
        score_forecasts(given, told * np.nan, {})
    with pytest.raises(DataError, match="cannot be scored against"):
        score_forecasts(given, told[:, :2], {})


def test_a_column_that_never_changes_has_no_mase() -> None:
    given, told = case()
    found = score_forecasts(truth(given.values, (None, 1.0)), told, {}).metrics["mase"]
    assert found.value is None and "did not change" in found.reason
