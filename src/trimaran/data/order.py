"""Seeded order: a pure function of its arguments, so a resumed run recomputes what it had."""

from __future__ import annotations

import numpy as np

from trimaran.errors import DataError

# The second word of each Philox key keeps the uses of one seed apart.
ORDER, SPLIT, AUGMENT, BATCHES = 1, 2, 3, 4
POOL = 50
_WORD = 1 << 64


def permutation(n: int, seed: int, use: int, stream: int = 0) -> np.ndarray:
    """A random order of 0..n-1 as (n,) int64, the same on every machine and NumPy version.

    Random 64-bit keys are sorted with the position in their low bits, so no two are equal and
    a plain sort, which NumPy vectorises, orders them in one way only.
    """
    # As uint64 arrays: NumPy reads a plain list with a word above 2**63 as floats.
    key = np.array([seed % _WORD, use], np.uint64)
    bits = np.random.Philox(key=key, counter=np.array([0, 0, stream % _WORD, 0], np.uint64))
    mask = np.uint64((1 << max(n - 1, 0).bit_length()) - 1)
    keys = bits.random_raw(n) & ~mask | np.arange(n, dtype=np.uint64)
    keys.sort()
    return (keys & mask).astype(np.int64)


def epoch_order(
    seed: int,
    epoch: int,
    n: int,
    batch_size: int,
    shuffle: bool = True,
    lengths: np.ndarray | None = None,
) -> list[np.ndarray]:
    """The batches of one epoch: (batch_size,) int64 positions each, the last one maybe shorter.

    lengths: (n,) steps of each row; rows of similar length then share a batch, so that it holds
        little padding: those of every `POOL` batches are sorted, and the batches shuffled.

    Raises `DataError` for a batch size below 1 or a set without rows.
    """
    if batch_size < 1:
        raise DataError(f"A batch needs at least 1 row, but batch_size is {batch_size}.")
    if n < 1:
        raise DataError("There is no row to train on; check the split and the filters before it.")
    rows = permutation(n, seed, ORDER, epoch) if shuffle else np.arange(n, dtype=np.int64)
    if lengths is None or not shuffle:
        return [rows[start : start + batch_size] for start in range(0, n, batch_size)]
    pools = [rows[i : i + POOL * batch_size] for i in range(0, n, POOL * batch_size)]
    rows = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
    batches = [rows[start : start + batch_size] for start in range(0, n, batch_size)]
    whole = n // batch_size  # a shorter batch stays the last one
    mixed = [batches[k] for k in permutation(whole, seed, BATCHES, epoch)] if whole else []
    return mixed + batches[whole:]
