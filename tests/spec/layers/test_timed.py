"""TimeDistributed: the same numbers for each step as for a row alone."""

from __future__ import annotations

import numpy as np
import pytest

from trimaran.backends.reference.build import BACKEND
from trimaran.errors import DescriptionError
from trimaran.spec import Input, functional
from trimaran.spec import layers as L
from trimaran.weights import draw


def test_each_step_is_treated_like_a_row() -> None:
    x, row = Input((4, 3), name="x"), Input((3,), name="x")
    timed = functional(x, L.TimeDistributed(L.Dense(2, name="d"))(x), "timed")
    alone = functional(row, L.Dense(2, name="d")(row), "alone")
    weights, rng = draw(timed, 0, np.float64), np.random.default_rng(0)
    given = rng.normal(size=(5, 4, 3))
    whole = BACKEND.build(timed, weights, "float64").forward({"x": given}).outputs["output"]
    one = BACKEND.build(alone, weights, "float64")
    for t in range(4):
        step = one.forward({"x": given[:, t]}).outputs["output"]
        np.testing.assert_allclose(whole[:, t], step, atol=1e-14)


def test_it_takes_the_name_and_refuses_what_looks_further() -> None:
    assert L.TimeDistributed(L.Dense(2, name="a"), name="b").name == "b"
    assert L.TimeDistributed(L.Dense(2, name="a")).name == "a"
    assert L.TimeDistributed(L.Rescaling(2.0), name="b") == L.Rescaling(2.0, name="b")
    with pytest.raises(DescriptionError, match="TimeDistributed: .* got Conv2D"):
        L.TimeDistributed(L.Conv2D(3, 3))
