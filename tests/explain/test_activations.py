"""The table of activations against values known from the literature."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from trimaran.backends.reference import BACKEND
from trimaran.explain.activations import WORDS, curve, draw, row, rows, table
from trimaran.spec.layers.core import ACTIVATIONS
from trimaran.tasks.loss import Loss

MSE = Loss("mean_squared_error")


def test_every_activation_is_told():
    assert list(WORDS) == list(ACTIVATIONS)
    assert [r.name for r in rows(BACKEND, MSE)] == list(ACTIVATIONS)


@pytest.mark.parametrize(
    ("name", "low", "high", "slope_at_0"),
    [
        ("relu", 0, None, 0),
        ("sigmoid", 0, 1, 0.25),
        ("tanh", -1, 1, 1),
        ("softmax", 0, 1, 0.25),
        ("relu6", 0, 6, 0),
        ("gelu", -0.16997, None, 0.5),
        ("silu", -0.27846, None, 0.5),
        ("mish", -0.30884, None, 0.6),
    ],
)
def test_ranges_and_slopes(name, low, high, slope_at_0):
    found = row(name, BACKEND, MSE)
    assert found.low == pytest.approx(low, abs=1e-4)
    assert found.high == (high if high is None else pytest.approx(high, abs=1e-4))
    assert found.slopes[1] == pytest.approx(slope_at_0, abs=1e-4)


def test_slopes_are_those_of_finite_differences():
    x = np.linspace(-3.9, 3.97, 55)  # meets no kink
    for name in ACTIVATIONS:
        ahead, behind = (curve(name, BACKEND, MSE, x + h)[0] for h in (1e-6, -1e-6))
        assert np.allclose(curve(name, BACKEND, MSE, x)[1], (ahead - behind) / 2e-6, atol=1e-7)


def test_the_table_names_unbounded_ranges():
    lines = table(rows(BACKEND, MSE)).splitlines()
    assert "0 … ∞" in next(line for line in lines if line.startswith("relu "))
    assert "0 … 6" in next(line for line in lines if line.startswith("relu6"))
    assert "0 … 1" in next(line for line in lines if line.startswith("sigmoid"))


def test_the_drawing_is_well_formed():
    root = ET.fromstring(draw(BACKEND, MSE))
    assert len(root.findall(".//{*}polyline")) == 4 * len(ACTIVATIONS)
