"""Intervals hold the truth about as often as they say: simulated on planted distributions."""

import numpy as np
import pytest
from scipy.stats import binomtest

from trimaran.evaluation import intervals, score_classes, score_values

TRIALS = 200
CLASSES = list("abcd")


def planted(random: np.random.Generator, rows: int, sharpness: float = 1.0):
    """Labels drawn from stated probabilities, and the model's (sharpened) view of them."""
    raw = random.normal(size=(rows, 4)) * 1.5 + np.array([0.8, 0, 0, -0.5])
    truth = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    label = (truth.cumsum(axis=1) < random.random((rows, 1))).sum(axis=1).clip(max=3)
    view = truth**sharpness
    return label, view / view.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def coverage() -> dict[str, float]:
    """Share of 200 splits of 400 rows whose interval holds the value of 300,000 rows."""
    random = np.random.default_rng(11)
    label, view = planted(random, 300_000, sharpness=1.6)
    truth = {name: s.value for name, s in score_classes(label, view, CLASSES).metrics.items()}
    held = dict.fromkeys(truth, 0)
    for trial in range(TRIALS):
        label, view = planted(random, 400, sharpness=1.6)
        for name, score in score_classes(label, view, CLASSES, seed=trial).metrics.items():
            held[name] += score.low <= truth[name] <= score.high
    return {name: count / TRIALS for name, count in held.items()}


@pytest.mark.parametrize(
    "name",
    ["accuracy", "precision_macro", "recall_macro", "f1_macro", "precision_weighted",
     "recall_weighted", "f1_weighted", "roc_auc", "pr_auc", "log_loss",
     "expected_calibration_error"],
)  # fmt: skip
def test_coverage_of_a_classifier_is_close_to_95_percent(coverage, name):
    assert 0.90 <= coverage[name] <= 0.995, coverage


def test_coverage_of_a_calibrated_classifier_includes_an_error_of_zero():
    random = np.random.default_rng(5)
    lows = [
        score_classes(*planted(random, 500), CLASSES, seed=trial)
        .metrics["expected_calibration_error"]
        .low
        for trial in range(100)
    ]
    assert np.mean(np.array(lows) <= 0.005) >= 0.9


def test_coverage_of_a_regression_is_close_to_95_percent():
    random = np.random.default_rng(2)
    truth = {"mae": np.sqrt(2 / np.pi), "rmse": 1.0, "r2": 0.8}  # of unit noise, signal var 4
    held = dict.fromkeys(truth, 0)
    for _ in range(300):
        signal = random.normal(scale=2, size=300)
        scores = score_values(signal + random.normal(size=300), signal)
        for name, value in truth.items():
            held[name] += scores.metrics[name].low <= value <= scores.metrics[name].high
    assert all(0.91 <= count / 300 <= 0.99 for count in held.values()), held


@pytest.mark.parametrize("name", ["accuracy", "f1_macro", "roc_auc", "pr_auc", "log_loss"])
def test_coverage_holds_for_unequal_weights(name):
    random = np.random.default_rng(21)
    label, view = planted(random, 200_000)
    weights = random.choice([0.5, 1.0, 3.0], 200_000)
    truth = score_classes(label, view, CLASSES, weights=weights).metrics[name].value
    held = 0
    for trial in range(120):
        label, view = planted(random, 400)
        weights = random.choice([0.5, 1.0, 3.0], 400)
        score = score_classes(label, view, CLASSES, seed=trial, weights=weights).metrics[name]
        held += score.low <= truth <= score.high
    assert held / 120 >= 0.885


@pytest.mark.parametrize(("right", "rows"), [(0, 10), (10, 10), (97, 100), (9990, 10_000)])
def test_wilson_equals_scipy(right, rows):
    expected = binomtest(right, rows).proportion_ci(method="wilson")
    found = intervals.wilson(right / rows, rows)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_bootstrap_of_the_cells_agrees_with_a_bootstrap_of_rows():
    label, view = planted(np.random.default_rng(1), 300)
    answer = view.argmax(axis=1)
    found = intervals.bootstrap_rates(label, answer, 4, np.ones(300), 0)["f1_macro"]
    random = np.random.default_rng(0)
    values = []
    for _ in range(1500):
        rows = random.integers(0, 300, 300)
        scores = [
            2 * ((label[rows] == c) & (answer[rows] == c)).sum()
            / ((label[rows] == c).sum() + (answer[rows] == c).sum())
            for c in range(4)
        ]  # fmt: skip
        values.append(np.mean(scores))
    assert (found.low, found.high) == pytest.approx(np.quantile(values, (0.025, 0.975)), abs=0.01)


def test_the_same_seed_gives_the_same_intervals_and_another_seed_others():
    label, view = planted(np.random.default_rng(1), 300)
    once, twice, other = (
        score_classes(label, view, CLASSES, seed=seed).to_json() for seed in (4, 4, 5)
    )
    assert once == twice
    assert once["metrics"]["f1_macro"] != other["metrics"]["f1_macro"]


def test_chunks_change_no_interval(monkeypatch):
    label, view = planted(np.random.default_rng(1), 300)
    arguments = (label, view.argmax(axis=1), 4, np.ones(300), 0)
    whole = intervals.bootstrap_rates(*arguments)
    monkeypatch.setattr(intervals, "CHUNK", 100)
    assert intervals.bootstrap_rates(*arguments) == whole


def test_perfect_answers_do_not_claim_certainty():
    label = np.arange(40) % 4
    metrics = score_classes(label, np.eye(4)[label], CLASSES).metrics
    for name in ("accuracy", "f1_macro", "roc_auc", "pr_auc"):
        assert metrics[name].value == 1
        assert metrics[name].low < 0.98, name
