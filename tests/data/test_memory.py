"""Memory tasks: answers that a person can check, baselines that theory gives."""

from __future__ import annotations

import numpy as np
import pytest

from trimaran.data.batches import INPUT, OUTPUT, Rows
from trimaran.data.memory import SYMBOLS, TASKS, TOLD, memory_rows
from trimaran.errors import RecipeError

LENGTHS = (2, 7, 20)


def drawn(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    return rows.inputs[INPUT], rows.targets[OUTPUT]


@pytest.mark.parametrize("length", LENGTHS)
def test_the_sum_is_of_one_marked_number_in_each_half(length: int) -> None:
    x, y = drawn(memory_rows("adding", 200, length, 0))
    for row, told in zip(x, y, strict=True):
        places = np.flatnonzero(row[:, 1])
        assert len(places) == 2 and places[0] < length // 2 <= places[1]
        assert told == pytest.approx([row[places, 0].sum()])


def test_whoever_always_says_1_errs_by_a_sixth() -> None:
    """The variance of the sum of two uniform numbers is 2/12; its estimate from n rows has the
    standard error sqrt((m4 - 1/36) / n), where the fourth moment of their sum is 1/15."""
    count = 200_000
    _, y = drawn(memory_rows("adding", count, 10, 3))
    error = np.sqrt((1 / 15 - 1 / 36) / count)
    assert abs(float(((y - 1.0) ** 2).mean()) - 1 / 6) < 4 * error


@pytest.mark.parametrize("length", LENGTHS)
def test_the_symbols_to_tell_stand_first_and_the_sign_stands_before_the_telling(
    length: int,
) -> None:
    x, y = drawn(memory_rows("copy", 100, length, 0))
    kinds = x.argmax(-1)
    assert x.shape == (100, length + 2 * TOLD, SYMBOLS + 2) and (x.sum(-1) == 1).all()
    assert np.array_equal(kinds[:, :TOLD], y) and set(np.unique(y)) == set(range(SYMBOLS))
    assert (kinds[:, TOLD + length - 1] == SYMBOLS + 1).all()
    others = np.delete(kinds[:, TOLD:], length - 1, axis=1)
    assert (others == SYMBOLS).all()


@pytest.mark.parametrize("length", LENGTHS)
def test_parity_is_odd_where_the_product_says_so(length: int) -> None:
    x, y = drawn(memory_rows("parity", 500, length, 1))
    product = np.prod(-x[..., 0], axis=1)  # -1 for each bit that is set
    assert np.array_equal(y, (product < 0).astype(y.dtype)) and 0.4 < y.mean() < 0.6


@pytest.mark.parametrize("task", TASKS)
def test_rows_depend_on_seed_length_and_part_and_on_nothing_else(task: str) -> None:
    def first(seed: int, part: int) -> bytes:
        return drawn(memory_rows(task, 50, 9, seed, part))[0].tobytes()

    assert first(0, 0) == first(0, 0)
    assert len({first(0, 0), first(1, 0), first(0, 1)}) == 3


@pytest.mark.parametrize(
    ("task", "length", "words"),
    [("sorting", 5, "there is adding, copy, parity"), ("copy", 1, "must be at least 2")],
)
def test_what_is_no_task_is_refused(task: str, length: int, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        memory_rows(task, 10, length, 0)
