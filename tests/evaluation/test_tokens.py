"""Scores of language models against what is known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from trimaran.errors import DataError
from trimaran.evaluation import score_tokens


def told(chances: np.ndarray, hits: np.ndarray) -> np.ndarray:
    return np.stack([np.log(chances), hits], axis=-1)


def test_a_guess_among_eight_costs_three_bits():
    found = score_tokens(told(np.full((5, 4), 1 / 8), np.zeros((5, 4))), "characters").metrics
    assert found["bits_per_character"].value == pytest.approx(3)
    assert found["cross_entropy"].value == pytest.approx(np.log(8))
    assert found["perplexity"].value == pytest.approx(8)
    assert found["accuracy"].value == 0


def test_the_interval_is_that_of_the_windows_mean():
    """Covers the true mean of made-up windows about 95 times in 100."""
    rng, covered = np.random.default_rng(0), 0
    for _ in range(300):
        losses = rng.gamma(8.0, 0.25, (60, 1)) * np.ones((1, 3))
        score = score_tokens(told(np.exp(-losses), np.ones((60, 3))), "words")
        loss = score.metrics["cross_entropy"]
        assert loss.low is not None and loss.high is not None
        covered += loss.low <= 2.0 <= loss.high
    assert 0.91 <= covered / 300 <= 0.98


def test_the_unit_names_the_bits():
    assert "bits_per_word" in score_tokens(told(np.ones((2, 1)), np.ones((2, 1))), "words").metrics


@pytest.mark.parametrize("bad", [np.zeros((0, 3, 2)), np.zeros((2, 3)), np.full((2, 2, 2), np.nan)])
def test_what_cannot_be_scored_is_told(bad: np.ndarray):
    with pytest.raises(DataError):
        score_tokens(bad, "characters")
