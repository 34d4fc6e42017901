"""Which end of long texts says more of their labels: measured, on the training texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trimaran.data.targets import comparable
from trimaran.data.texts.field import END, START

_FEW = 200  # long texts that are too few to measure on
_MOST_CLASSES = 100
_SMOOTH = 1.0


def telling_end(
    texts: Sequence[np.ndarray], labels: np.ndarray, length: int, vocabulary: int
) -> str:
    """The "start" or the "end" of texts that are longer than `length` tokens.

    A naive Bayes classifier of word presence is fitted on every second of them, from either end,
    and the end from which it knows the others better is kept; the start where there are few long
    texts, where there are more than 100 different labels, and in a tie.
    """
    long = [k for k, tokens in enumerate(texts) if len(tokens) > length]
    classes, codes = np.unique(comparable(labels), return_inverse=True)
    if len(long) < _FEW or len(classes) > _MOST_CLASSES:
        return START
    found = {}
    for end in (START, END):
        cut = [texts[k][:length] if end == START else texts[k][-length:] for k in long]
        found[end] = _accuracy(cut, codes[long], (len(classes), vocabulary))
    return END if found[END] > found[START] else START


def _accuracy(texts: Sequence[np.ndarray], codes: np.ndarray, shape: tuple[int, int]) -> float:
    """Of naive Bayes (Maron 1961) on the texts with odd numbers, fitted on those with even ones."""
    counts = np.full(shape, _SMOOTH)
    for tokens, code in zip(texts[::2], codes[::2], strict=True):
        counts[code, np.unique(tokens)] += 1
    rows = np.bincount(codes[::2], minlength=shape[0])[:, None] + 2 * _SMOOTH
    weights = np.log(counts / rows)
    right = [
        int(weights[:, np.unique(tokens)].sum(axis=1).argmax() == code)
        for tokens, code in zip(texts[1::2], codes[1::2], strict=True)
    ]
    return float(np.mean(right))
