"""Invented rows look like data of the model that reads them."""

from __future__ import annotations

import numpy as np
import pytest

from trimaran.comparison.problem import invented
from trimaran.spec import Input, Model, functional
from trimaran.spec import layers as L


def rows(model: Model) -> np.ndarray:
    return invented(model)[0].inputs["x"]


def test_rows_are_what_the_models_rescaling_expects() -> None:
    x = Input((40,), name="x")
    found = rows(functional(x, L.Dense(1)(2 * (x / 255) - 1)))
    scaled = 2 * (found / 255) - 1
    assert found.dtype == np.float32 and found.mean() == pytest.approx(127.5, abs=4)
    assert scaled.mean() == pytest.approx(0, abs=0.03) and scaled.std() == pytest.approx(
        1, abs=0.03
    )


@pytest.mark.parametrize("change", ["read twice", "nothing left", "behind a layer"])
def test_else_they_are_plain(change: str) -> None:
    x = Input((40,), name="x")
    y = {"read twice": x / 255 + x, "nothing left": x * 1e-30, "behind a layer": L.ReLU()(x) / 255}
    plain = rows(functional(x, L.Dense(1)(x)))
    np.testing.assert_array_equal(rows(functional(x, L.Dense(1)(y[change]))), plain)
