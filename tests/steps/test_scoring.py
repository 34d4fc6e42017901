"""Scores of a split from what a network gave for it."""

from __future__ import annotations

import numpy as np

from trimaran.data.batches import Rows
from trimaran.data.preprocess import Preprocess
from trimaran.data.targets import Tokens
from trimaran.data.textfield import TextField
from trimaran.data.tokens import characters
from trimaran.steps.scoring import score


def test_tokens_that_are_read_as_context_are_not_scored():
    """The first two of four are told badly, the others with probability one half."""
    field = TextField(characters("ab"), 4)
    rows = Rows(
        {"input": np.ones((3, 4), np.int32)},
        {"output": np.ones((3, 4), np.int64)},
        None,
        np.arange(3),
    )
    given = np.log([[1e-9, 1e-9, 0.5, 0.5]] * 3)
    told = np.stack([given, np.ones((3, 4))], axis=-1).astype(np.float32)

    def bits(context: int) -> float:
        preprocess = Preprocess({"input": field}, {"output": Tokens(3, "characters", context)})
        return score(rows, told, preprocess, 0).metrics["bits_per_character"].value

    assert bits(0) > 10
    assert abs(bits(2) - 1) < 1e-6
