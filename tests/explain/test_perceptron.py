"""Rosenblatt's rule against what is known of it, and the picture against its points."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimaran.explain.perceptron import PASSES, draw, learned, rosenblatt, table

SQUARE = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float64)


@pytest.mark.parametrize("truth", [(0, 0, 0, 1), (0, 1, 1, 1), (1, 0, 0, 0), (1, 1, 1, 1)])
def test_what_a_line_separates_is_learned(truth):
    answer, passes = rosenblatt(SQUARE, np.array(truth))
    assert answer(SQUARE).tolist() == list(truth) and passes < 20


def test_or_by_hand():
    # From zero: the second row gives w = (0, 1), b = 1; then the first row costs b its 1, and so on
    # to w = (1, 1), b = 0, which answers every row.
    answer, passes = rosenblatt(SQUARE, np.array([0, 1, 1, 1]))
    assert passes == 4
    assert answer(np.array([[0.001, 0.0], [0.0, -0.001]])).tolist() == [1, 0]


@pytest.mark.parametrize("truth", [(0, 1, 1, 0), (1, 0, 0, 1)])
def test_xor_never_comes_to_rest(truth):
    answer, passes = rosenblatt(SQUARE, np.array(truth))
    assert passes == PASSES and answer(SQUARE).tolist() != list(truth)


@given(st.integers(0, 2**32 - 1))
def test_novikoffs_bound_holds(seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (30, 2))
    distance = x @ np.array([0.6, 0.8])
    x, distance = x[np.abs(distance) > 0.1], distance[np.abs(distance) > 0.1]
    if len(x):
        # R² ≤ 1 + 1 + 1 with the bias as a column; γ ≥ 0.1: fewer than 300 mistakes, so passes.
        answer, passes = rosenblatt(x, distance > 0, 400)
        assert passes <= 301 and np.array_equal(answer(x) > 0.5, distance > 0)


def test_table_and_drawing_tell_the_mistakes():
    found = [
        learned(name, "a line", 3, lambda points: points[:, 0], (SQUARE, truth))
        for name, truth in (("first", np.array([0, 0, 1, 1])), ("xor", np.array([0, 1, 1, 0])))
    ]
    assert [one.wrong for one in found] == [0, 2]
    assert "2 of 4" in table(found) and "0 of 4" in table(found)
    root = ET.fromstring(draw(found))
    assert len(root.findall(".//{*}circle")) == 8 and len(root.findall(".//{*}image")) == 2
    words = "".join(root.itertext())
    assert "2 of 4 wrong after 3 passes" in words and "all 4 right" in words


def test_the_picture_has_its_highest_y_first():
    one = learned("up", "a line", 1, lambda points: points[:, 1], (SQUARE, np.array([0, 1, 0, 1])))
    assert one.chances[0, 0] == 1.5 and one.chances[-1, 0] == -0.5
