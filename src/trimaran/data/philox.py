"""Philox4x64-10, a random generator without state: the draw of a row is a function of its name.

A keyed bijection turns a counter of four 64-bit words into four random words, so any row's draws
can be computed alone, in any order, by any worker. Algorithm and constants: J. K. Salmon,
M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
`numpy.random.Philox` is the same function behind a sequential face, and the oracle of the tests.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trimaran.data.order import AUGMENT

_ROUNDS = 10
_MULTIPLIERS = np.array([[0xD2E7470EE14C6C93], [0xCA5A826395121157]], np.uint64)
_BUMPS = np.array([[0x9E3779B97F4A7C15], [0xBB67AE8584CAA73B]], np.uint64)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLIERS_LOW, _MULTIPLIERS_HIGH = _MULTIPLIERS & _LOW, _MULTIPLIERS >> _HALF
_WORD = 1 << 64


def philox(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Four random words for each counter: (4, m) uint64 -> (4, m) uint64, under a 128-bit key."""
    # Words 0 and 2 of the counter are multiplied, words 1 and 3 are mixed in.
    even, odd = counter[0::2].copy(), counter[1::2].copy()
    keys = np.array([[key[0] % _WORD], [key[1] % _WORD]], np.uint64)
    for _ in range(_ROUNDS):
        high = _high_product(even)
        low = even * _MULTIPLIERS
        even = high[::-1] ^ odd ^ keys
        odd = low[::-1]
        keys = keys + _BUMPS
    return np.stack([even[0], odd[0], even[1], odd[1]])


def _high_product(words: np.ndarray) -> np.ndarray:
    """The upper 64 bits of words * _MULTIPLIERS, from four products of 32-bit halves."""
    low, high = words & _LOW, words >> _HALF
    cross = high * _MULTIPLIERS_LOW + (low * _MULTIPLIERS_LOW >> _HALF)  # cannot overflow
    other = low * _MULTIPLIERS_HIGH + (cross & _LOW)
    result: np.ndarray = high * _MULTIPLIERS_HIGH + (cross >> _HALF) + (other >> _HALF)
    return result


def uniforms(seed: int, epoch: int, ids: np.ndarray, purposes: Sequence[int], n: int) -> np.ndarray:
    """Uniform draws in [0, 1) as (purposes, ids, n) float64, each a function of its own names.

    Draw j of row `id` for `purpose` is word j % 4 of the block with counter
    (j // 4, id, epoch, purpose), so neither the other rows nor the other purposes matter.
    """
    blocks = -(-n // 4)
    shape = (len(purposes), len(ids), blocks)
    counter = np.empty((4, *shape), np.uint64)
    counter[0] = np.arange(blocks, dtype=np.uint64)
    counter[1] = np.asarray(ids, np.int64).astype(np.uint64)[:, None]
    counter[2] = epoch
    counter[3] = np.asarray(purposes, np.uint64)[:, None, None]
    words = philox(counter.reshape(4, -1), (seed, AUGMENT))
    # The upper 53 bits fill the mantissa of a float64, as NumPy's own generators do.
    floats = (words >> np.uint64(11)) * 2.0**-53
    return np.moveaxis(floats.reshape(4, *shape), 0, -1).reshape(*shape[:2], -1)[..., :n]


def uniform(seed: int, epoch: int, ids: np.ndarray, purpose: int, n: int) -> np.ndarray:
    """Uniform draws in [0, 1) as (len(ids), n) float64 for one purpose; see `uniforms`."""
    drawn: np.ndarray = uniforms(seed, epoch, ids, (purpose,), n)[0]
    return drawn
