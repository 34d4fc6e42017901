"""Quantities as people say them."""

import pytest

from trimaran.words import duration, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (3.21, "3.2 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"),
     (59.6, "1 min"), (61, "1 min 1 s"), (3599.7, "1 h"), (3660, "1 h 1 min"), (7320, "2 h 2 min")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e9, "2.5 GB"), (1e13, "10 TB")],
)
def test_sizes(count: float, text: str) -> None:
    assert size(count) == text
