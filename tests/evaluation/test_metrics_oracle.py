"""Every metric against scikit-learn, to 1e-12, with and without weights, ties included."""

import numpy as np
import pytest
from sklearn import metrics as oracle

from trimaran.evaluation import score_classes, score_values

TIGHT = {"rel": 1e-12, "abs": 1e-12}
CASES = [
    (rows, classes, weighted, ties)
    for rows, classes in ((40, 2), (700, 2), (60, 3), (500, 10))
    for weighted in (False, True)
    for ties in (False, True)
]


def example(rows: int, classes: int, ties: bool, seed: int = 0):
    random = np.random.default_rng((seed, rows, classes))
    true = np.concatenate([np.arange(classes), random.integers(0, classes, rows - classes)])
    raw = random.normal(size=(rows, classes)) + 2 * np.eye(classes)[true]
    if ties:
        raw = np.round(raw)
    chances = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    return true, chances


def weights_of(rows: int, weighted: bool) -> np.ndarray | None:
    return np.random.default_rng(rows).exponential(size=rows) if weighted else None


@pytest.mark.parametrize(("rows", "classes", "weighted", "ties"), CASES)
def test_rates_equal_scikit_learn(rows, classes, weighted, ties):
    true, chances = example(rows, classes, ties)
    weights = weights_of(rows, weighted)
    scores = score_classes(true, chances, [f"c{i}" for i in range(classes)], weights=weights)
    answer = chances.argmax(axis=1)
    expected = {"accuracy": oracle.accuracy_score(true, answer, sample_weight=weights)}
    for average in ("macro", "weighted"):
        rates = oracle.precision_recall_fscore_support(
            true, answer, average=average, sample_weight=weights, zero_division=0
        )
        names = [f"{name}_{average}" for name in ("precision", "recall", "f1")]
        expected |= dict(zip(names, rates[:3], strict=True))
    for name, value in expected.items():
        assert scores.metrics[name].value == pytest.approx(value, **TIGHT), name
    table = oracle.confusion_matrix(true, answer, sample_weight=weights)
    np.testing.assert_allclose(scores.confusion, table, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("rows", "classes", "weighted", "ties"), CASES)
def test_areas_and_log_loss_equal_scikit_learn(rows, classes, weighted, ties):
    true, chances = example(rows, classes, ties)
    weights = weights_of(rows, weighted)
    found = score_classes(true, chances, list("abcdefghij")[:classes], weights=weights).metrics
    if classes == 2:
        roc = oracle.roc_auc_score(true, chances[:, 1], sample_weight=weights)
        area = oracle.average_precision_score(true, chances[:, 1], sample_weight=weights)
    else:
        roc = oracle.roc_auc_score(true, chances, multi_class="ovr", sample_weight=weights)
        area = oracle.average_precision_score(
            np.eye(classes)[true], chances, average="macro", sample_weight=weights
        )
    assert found["roc_auc"].value == pytest.approx(roc, **TIGHT)
    assert found["pr_auc"].value == pytest.approx(area, **TIGHT)
    loss = oracle.log_loss(true, chances, sample_weight=weights)
    assert found["log_loss"].value == pytest.approx(loss, **TIGHT)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_loss_of_certain_mistakes_is_clipped_as_scikit_learn_does(dtype):
    true = np.array([0, 1, 1, 0])
    chances = np.array([[1, 0], [1, 0], [0.25, 0.75], [0.5, 0.5]], dtype=dtype)
    found = score_classes(true, chances, ["no", "yes"]).metrics["log_loss"].value
    assert found == pytest.approx(oracle.log_loss(true, chances), rel=1e-7)


def test_calibration_error_equals_a_plain_loop_over_the_bins():
    true, chances = example(900, 5, ties=False)
    answer, sure = chances.argmax(axis=1), chances.max(axis=1)
    expected = 0.0
    for number in range(15):
        inside = (sure > number / 15) & (sure <= (number + 1) / 15)
        if inside.any():
            gap = abs((answer[inside] == true[inside]).mean() - sure[inside].mean())
            expected += inside.mean() * gap
    scores = score_classes(true, chances, list("abcde"))
    assert scores.metrics["expected_calibration_error"].value == pytest.approx(expected, **TIGHT)
    assert sum(row["n"] for row in scores.calibration) == 900


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("outputs", [1, 3])
def test_regression_equals_scikit_learn(outputs, weighted):
    random = np.random.default_rng(outputs)
    true = random.normal(size=(200, outputs)) * [1.0, 10.0, 0.1][:outputs]
    guess = true + random.normal(size=true.shape)
    weights = weights_of(200, weighted)
    found = score_values(true, guess, weights=weights).metrics
    assert found["mae"].value == pytest.approx(
        oracle.mean_absolute_error(true, guess, sample_weight=weights), **TIGHT
    )
    assert found["rmse"].value == pytest.approx(
        oracle.root_mean_squared_error(true, guess, sample_weight=weights), **TIGHT
    )
    assert found["r2"].value == pytest.approx(
        oracle.r2_score(true, guess, sample_weight=weights), **TIGHT
    )


@pytest.mark.parametrize("classes", [2, 4])
def test_equal_weights_change_nothing(classes):
    true, chances = example(80, classes, ties=True)
    names = list("abcd")[:classes]
    plain = score_classes(true, chances, names).metrics
    heavy = score_classes(true, chances, names, weights=np.full(80, 3.0)).metrics
    for name, score in plain.items():
        other = heavy[name]
        assert other.value == pytest.approx(score.value, **TIGHT), name
        assert other.low == pytest.approx(score.low, rel=1e-6, abs=1e-9), name
