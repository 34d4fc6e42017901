"""Words hidden from training, so that no single one is relied on."""

from __future__ import annotations

import numpy as np

from trimaran.data.philox import uniforms
from trimaran.data.texts.vocabulary import NUMBERS, PADDING
from trimaran.data.tokens import UNKNOWN

PURPOSE = 9
"""Of the draws; those of pictures have the numbers below. Never renumber."""


def hidden(tokens: np.ndarray, rate: float, seed: int, epoch: int, ids: np.ndarray) -> np.ndarray:
    """Each token is the unknown one with probability `rate` (word dropout: Iyyer et al., ACL 2015,
    §3.1; there the word is left out); padding stays padding. The input is never written to.

    tokens: (B, time) whole numbers of a padded tokenizer; ids: (B,) row numbers, which key the
    draws.
    """
    drawn = uniforms(seed, epoch, ids, (PURPOSE,), tokens.shape[1])[0]
    gone = (drawn < rate) & (tokens != NUMBERS[PADDING])
    return np.where(gone, np.asarray(NUMBERS[UNKNOWN], tokens.dtype), tokens)
