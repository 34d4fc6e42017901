"""Runs of several backends: curves, paired differences, agreement."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from tests.comparison.measurements import LABELS, run

from trimaran.comparison import frameworks

RUNS = {
    name: [run(name, seed, pace) for seed in range(4)]
    for name, pace in (("torch", 1.0), ("tensorflow", 2.0), ("jax", 1.0))
}


def test_curves_are_means_with_intervals_epoch_by_epoch() -> None:
    found = frameworks.curves(RUNS)
    assert list(found)[:4] == list(frameworks.CURVES) and "seconds" not in found
    values = [one["epochs"][1]["val_accuracy"] for one in RUNS["jax"]]
    point = found["val_accuracy"]["jax"][1]
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert (point["epoch"], point["runs"]) == (2, 4)
    assert (point["low"], point["high"]) == pytest.approx((low, high))


def test_pairs_share_their_seed_and_are_corrected_together() -> None:
    found = frameworks.differences(RUNS, LABELS)
    assert len(found) == 9  # accuracy, log loss and time, of three pairs each
    first = found[0]
    a, b = ([one["scores"]["accuracy"] for one in RUNS[name]] for name in first["pair"])
    assert first["p"] == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert all(one["holm"] >= one["p"] for one in found)
    assert first["verdict"] == "no difference shown between PyTorch and Keras on TensorFlow"


def test_a_planted_difference_is_shown() -> None:
    worse = [{**one, "scores": {**one["scores"], "accuracy": one["scores"]["accuracy"] - 0.05}}
             for one in RUNS["jax"]]  # fmt: skip
    found = frameworks.differences({**RUNS, "jax": worse}, LABELS)
    shown = [one for one in found if one["metric"] == "accuracy" and "jax" in one["pair"]]
    assert all("is higher than Keras on JAX by 0.05" in one["verdict"] for one in shown)
    text = frameworks.summary(found, "accuracy")
    assert text.startswith("In accuracy: PyTorch is higher than Keras on JAX")


def test_times_are_compared_by_their_ratio_without_the_first_epoch() -> None:
    found = [
        one for one in frameworks.differences(RUNS, LABELS) if one["metric"] == "epoch_seconds"
    ]
    slower, same = found[0], found[1]
    assert slower["mean"] == pytest.approx(math.log(0.5)) and slower["holm"] < 0.05
    assert slower["verdict"] == "an epoch takes Keras on TensorFlow 2.00 times as long as PyTorch"
    assert same["verdict"] == "no difference shown between PyTorch and Keras on JAX"
    assert frameworks.times(RUNS["torch"])["epoch_seconds"]["high"] < 1.1


def test_nothing_shown_is_told_with_what_is_excluded() -> None:
    text = frameworks.summary(frameworks.differences(RUNS, LABELS), "accuracy")
    assert text.startswith("No difference in accuracy is shown") and "exclude" in text


def test_agreement_counts_rows_that_got_the_same_answer() -> None:
    rng = np.random.default_rng(0)
    one = rng.random((100, 3))
    other = one.copy()
    other[:2] = np.roll(one[:2], 1, axis=1)
    (found,) = frameworks.agreement({"a": [one, one], "b": [one, other]})
    assert (found["same"], found["least"]) == pytest.approx((0.99, 0.98))
    assert found["apart"] > 0
    (binary,) = frameworks.agreement({"a": [np.array([[0.4], [0.6]])],
                                      "b": [np.array([[0.45], [0.4]])]})  # fmt: skip
    assert binary["same"] == 0.5
