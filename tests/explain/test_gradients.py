"""Vanishing and exploding gradients, and the remedies."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from sklearn.datasets import load_digits

from trimaran.backends.reference import BACKEND
from trimaran.explain import depth
from trimaran.explain.backprop import Batch
from trimaran.explain.gradients import cases, study, table
from trimaran.tasks.loss import Loss
from trimaran.weights.draw import draw

LOSSES = {"output": Loss("sparse_categorical_crossentropy")}
CASES = cases(64, 10)


def digits():
    x, y = load_digits(return_X_y=True)
    return x / 16.0, y


@pytest.fixture(scope="module")
def measured():
    x, y = digits()
    batch = Batch({"input": x[:128]}, {"output": y[:128]}, LOSSES)
    return study(CASES, batch, BACKEND, lambda model: draw(model, 0, np.float64))


def train(case, weights, epochs=6):
    """Plain SGD on the digits with the reference's gradients; accuracy on the last rows."""
    x, y = digits()
    arrays, rng = dict(weights), np.random.default_rng(0)
    for _ in range(epochs):
        for rows in np.split(rng.permutation(1408), 44):
            network = BACKEND.build(case.model, arrays)
            batch = {"input": x[rows]}
            found = network.gradients(batch, {"output": y[rows]}, LOSSES).parameters
            whole = np.sqrt(sum((g**2).sum() for g in found.values()))
            if not np.isfinite(whole):
                return 0.0
            share = min(1.0, case.clip / whole) if case.clip else 1.0
            arrays |= network.statistics(batch)
            arrays |= {k: arrays[k] - case.learning_rate * share * g for k, g in found.items()}
    found = BACKEND.build(case.model, arrays).forward({"input": x[1408:]}).outputs["output"]
    return float((found.argmax(1) == y[1408:]).mean())


def test_the_ailing_networks_ail_and_the_remedies_cure(measured):
    for result in measured:
        assert result.verdict == ("sound" if result.case.remedy else result.case.ailment)


def test_the_chapters_remedies_are_all_there():
    remedies = {case.remedy for case in CASES}
    assert remedies >= {"ReLU", "batch normalization", "clipping", "residual connections"}
    assert "initialisation" in remedies


def test_the_sigmoids_gradient_shrinks_layer_by_layer(measured):
    norms = measured[0].norms
    assert all(a < b for a, b in zip(norms, norms[1:], strict=False))
    assert norms[0] < 1e-4 * norms[-2]


def test_clipping_brings_the_global_norm_to_its_bound(measured):
    clipped = next(r for r in measured if r.case.clip)
    before = next(r for r in measured if r.verdict == "exploding")
    assert clipped.total == pytest.approx(1.0, rel=0.05)  # biases take their part
    ratios = np.array(before.norms) / np.array(clipped.norms)
    assert np.ptp(ratios) < 1e-9 * ratios[0]


def test_training_fails_without_and_works_with_a_remedy():
    with np.errstate(all="ignore"):
        scores = {
            (c.ailment, c.remedy): train(c, draw(c.model, 0, np.float64))
            for c in CASES
            if c.remedy in ("", "batch normalization")
        }
    assert scores["vanishing", ""] < 0.2 and scores["exploding", ""] < 0.2
    assert scores["vanishing", "batch normalization"] > 0.6
    assert scores["exploding", "batch normalization"] > 0.6


def test_the_callable_that_trains_gives_the_accuracy():
    x, y = digits()
    batch = Batch({"input": x[:16]}, {"output": y[:16]}, LOSSES)
    found = study(CASES[:1], batch, BACKEND, lambda m: draw(m, 0), lambda case, weights: 0.5)
    assert found[0].accuracy == 0.5
    assert "50.0%" in table(found)
    assert found[0].to_json()["verdict"] == "vanishing"


def test_table_and_drawing_show_every_case(measured):
    assert len(table(measured).splitlines()) == 2 + len(CASES)
    root = ET.fromstring(depth.draw(measured))
    words = " ".join(t.text for t in root.findall("{*}text"))
    assert all(r.case.name in words for r in measured)
