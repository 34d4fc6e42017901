"""Tasks that only a memory solves, drawn from a seed: what decides the answer lies far back.

adding  two of the numbers of a sequence are marked, one in each half; tell their sum (Hochreiter
        and Schmidhuber 1997, §5.4, in the form of Le, Jaitly and Hinton 2015, §4.1: numbers from
        [0, 1], markers 1 and 0). Whoever always says 1 errs by the variance of the sum of two
        uniform numbers, 1/6 in the mean square.
copy    a few symbols, a wait, then a sign to tell them in their order (Arjovsky, Shah and Bengio
        2016, §4.1, with fewer symbols). Whoever guesses has 1/4 of them right.
parity  bits ±1, and at the end alone the question whether an odd number of them is +1 (Bengio,
        Simard and Frasconi 1994). Whoever guesses is right in half of all rows.

The random stream is keyed by task, length, seed and part: no draw depends on another's size.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trimaran.data.batches import INPUT, OUTPUT, Rows
from trimaran.errors import RecipeError

SYMBOLS, TOLD = 4, 3
"""Of the copy task: symbols to choose from, and how many are to be told."""

Drawn = tuple[np.ndarray, np.ndarray]
Random = np.random.Generator


def adding(random: Random, count: int, length: int) -> Drawn:
    """(count, length, 2) of numbers and markers, and (count, 1) sums; `length` of at least 2."""
    numbers, markers = random.uniform(size=(count, length)), np.zeros((count, length))
    rows, half = np.arange(count), length // 2
    markers[rows, random.integers(0, half, count)] = 1.0
    markers[rows, random.integers(half, length, count)] = 1.0
    sums = (numbers * markers).sum(axis=1, keepdims=True)
    return np.stack([numbers, markers], axis=-1).astype(np.float32), sums.astype(np.float32)


def copy(random: Random, count: int, length: int) -> Drawn:
    """One-hot (count, length + 2 · TOLD, SYMBOLS + 2), and (count, TOLD) symbols to be told.

    The steps are TOLD symbols, `length` of waiting of which the last is the sign to begin, and TOLD
    blanks while they are told. The blank is the last but one of the kinds, the sign the last.
    """
    symbols = random.integers(0, SYMBOLS, (count, TOLD))
    kinds = np.full((count, length + 2 * TOLD), SYMBOLS)
    kinds[:, :TOLD] = symbols
    kinds[:, TOLD + length - 1] = SYMBOLS + 1
    return np.eye(SYMBOLS + 2, dtype=np.float32)[kinds], symbols


def parity(random: Random, count: int, length: int) -> Drawn:
    """(count, length, 1) of bits as ±1, and (count,) of 1 where an odd number of them is +1."""
    bits = random.integers(0, 2, (count, length))
    return (2.0 * bits[..., None] - 1.0).astype(np.float32), bits.sum(axis=1) % 2


TASKS: dict[str, Callable[[Random, int, int], Drawn]] = {
    "adding": adding,
    "copy": copy,
    "parity": parity,
}


def memory_rows(task: str, count: int, length: int, seed: int, part: int = 0) -> Rows:
    """So many rows of a task; another `part` (training, held out) is another stream.

    Raises:
        RecipeError: there is no such task, or its length is below 2.
    """
    if task not in TASKS:
        raise RecipeError(f"There is no memory task {task!r}; there is {', '.join(TASKS)}.")
    if length < 2:
        raise RecipeError(f"The length of {task} is {length}; it must be at least 2.")
    key = (seed, list(TASKS).index(task), length, part)
    x, y = TASKS[task](np.random.default_rng(key), count, length)
    return Rows({INPUT: x}, {OUTPUT: y}, None, np.arange(count))
