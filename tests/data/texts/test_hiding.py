"""Words hidden from training: how many, which, and where not."""

from __future__ import annotations

import numpy as np
import pytest

from trimaran.data.augment import Augment, augment_rows
from trimaran.data.batches import Rows
from trimaran.data.texts.hiding import hidden
from trimaran.data.texts.vocabulary import train
from trimaran.errors import DataError

IDS = np.arange(500, 564)


def texts() -> np.ndarray:
    """Rows of unequal length of the numbers 2 to 9, 0 behind the last."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(2, 10, (64, 50)).astype(np.int32)
    return np.where(np.arange(50) < rng.integers(1, 50, (64, 1)), tokens, 0).astype(np.int32)


def test_about_as_many_as_asked_become_what_is_unknown_and_padding_stays() -> None:
    given = texts()
    found = hidden(given, 0.3, 1, 2, IDS)
    changed = found != given
    assert found.dtype == given.dtype and (found[changed] == 1).all()
    assert not changed[given == 0].any()
    count = int((given != 0).sum())
    assert abs(changed.sum() - 0.3 * count) < 4 * np.sqrt(count * 0.3 * 0.7)
    tokenizer = train("words", ["a a b b"], 9)
    assert tokenizer.encode_all(["never"])[0].tolist() == [1]


def test_a_row_loses_the_same_words_in_any_company_and_others_in_the_next_epoch() -> None:
    given = texts()
    found, some = hidden(given, 0.3, 1, 2, IDS), np.array([9, 3, 40])
    np.testing.assert_array_equal(hidden(given[some], 0.3, 1, 2, IDS[some]), found[some])
    assert (hidden(given, 0.3, 1, 3, IDS) != found).any()
    assert (hidden(given, 0.3, 2, 2, IDS) != found).any()


def test_rows_that_know_their_lengths_are_texts_and_others_are_refused() -> None:
    given, targets = texts(), {"output": np.zeros(64)}
    lengths = {"input": (given != 0).sum(axis=1)}
    rows = Rows({"input": given}, targets, None, IDS, lengths=lengths)
    found = augment_rows(rows, Augment(words=0.3), 1, 2)
    np.testing.assert_array_equal(found.inputs["input"], hidden(given, 0.3, 1, 2, IDS))
    with pytest.raises(DataError, match=r"augment\.words is 0\.3.* no texts.*leave it out"):
        augment_rows(Rows({"input": given}, targets, None, IDS), Augment(words=0.3), 1, 2)
    with pytest.raises(DataError, match="from 0 to 0.9"):
        Augment(words=1.0)
