"""What a Transformer over patches promises of each column: its own past, at any level and scale."""

from __future__ import annotations

import numpy as np
import pytest

from trimaran.backends.reference import BACKEND
from trimaran.spec import Model
from trimaran.weights import draw
from trimaran.zoo import build


def told(model: Model, x: np.ndarray) -> np.ndarray:
    network = BACKEND.build(model, draw(model, 0, np.float64))
    return network.forward({"input": x}).outputs["output"]


PAST = np.random.default_rng(0).normal(size=(2, 37, 3))
"""37 steps: the first patch begins before the window does."""


@pytest.mark.parametrize(("columns", "levels"), [(3, 1), (2, 2)])
def test_each_column_is_told_from_its_own_past(columns: int, levels: int) -> None:
    model = build("patchtst", (37, 3), columns, horizon=5, levels=levels)
    before = told(model, PAST)
    assert before.shape == (2, 5, columns * levels)
    changed = PAST.copy()
    changed[:, :, 1] = np.random.default_rng(1).normal(size=(2, 37))
    moved = np.abs(told(model, changed) - before).max(axis=(0, 1)) > 1e-6
    assert moved.tolist() == [c == 1 for c in range(columns)] * levels


def test_another_level_and_scale_are_told_in_their_own() -> None:
    model = build("patchtst", (37, 3), 3, horizon=5)
    apart = told(model, 20.0 + 3.0 * PAST) - (20.0 + 3.0 * told(model, PAST))
    assert np.abs(apart).max() < 1e-3  # epsilon under the root is what is left
    assert np.abs(told(model, PAST + 1.0) - told(model, PAST)).max() > 0.9


def test_a_column_that_stands_still_is_told_as_it_stands() -> None:
    still = np.full((1, 37, 3), 4.0)
    assert np.abs(told(build("patchtst", (37, 3), 3, horizon=5), still) - 4.0).max() < 1e-12


def test_the_last_steps_are_read() -> None:
    """Of every length, also where patches do not fill the window."""
    for length in (12, 16, 17, 30, 40):
        model = build("patchtst", (length, 3), 3, horizon=5)
        past = np.random.default_rng(0).normal(size=(1, length, 3))
        changed = past.copy()
        changed[:, -1] += 0.5
        assert np.abs(told(model, changed) - told(model, past)).max() > 1e-4
