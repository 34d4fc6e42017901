import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimaran.data.order import ORDER, SPLIT, epoch_order, permutation
from trimaran.errors import DataError


@given(st.integers(0, 700), st.integers(-5, 2**70), st.integers(0, 50))
def test_permutation_holds_each_row_once(n: int, seed: int, stream: int) -> None:
    got = permutation(n, seed, ORDER, stream)
    assert got.dtype == np.int64
    assert sorted(got.tolist()) == list(range(n))


def test_permutation_is_the_same_everywhere() -> None:
    """Golden: a change here breaks the resume of every run made before."""
    assert permutation(12, 7, ORDER, 3).tolist() == GOLDEN


GOLDEN = [11, 5, 6, 1, 10, 2, 4, 0, 9, 7, 8, 3]


def test_permutation_depends_on_seed_use_and_stream() -> None:
    drawn = [permutation(50, *key) for key in [(0, ORDER, 0), (1, ORDER, 0), (0, SPLIT, 0)]]
    drawn.append(permutation(50, 0, ORDER, 1))
    assert len({tuple(d.tolist()) for d in drawn}) == 4


def test_permutation_is_fair() -> None:
    """Each row comes first about equally often: chi-square with 9 degrees of freedom."""
    first = np.bincount([permutation(10, s, ORDER)[0] for s in range(4000)], minlength=10)
    assert ((first - 400) ** 2 / 400).sum() < 33.7  # p = 1e-4


@given(st.integers(1, 300), st.integers(1, 70), st.integers(0, 5), st.booleans())
def test_an_epoch_visits_each_row_once(n: int, batch_size: int, epoch: int, shuffle: bool) -> None:
    batches = epoch_order(3, epoch, n, batch_size, shuffle)
    assert sorted(np.concatenate(batches).tolist()) == list(range(n))
    assert {len(b) for b in batches[:-1]} <= {batch_size}
    assert 1 <= len(batches[-1]) <= batch_size


def test_resuming_recomputes_the_same_batches() -> None:
    first, second = epoch_order(1, 4, 100, 7), epoch_order(1, 4, 100, 7)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    other = epoch_order(1, 5, 100, 7)
    assert not np.array_equal(np.concatenate(first), np.concatenate(other))


def test_without_shuffling_rows_keep_their_order() -> None:
    assert [b.tolist() for b in epoch_order(0, 0, 5, 2, shuffle=False)] == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize(
    ("n", "batch_size", "words"), [(5, 0, "batch_size is 0"), (0, 4, "no row")]
)
def test_epoch_order_refuses(n: int, batch_size: int, words: str) -> None:
    with pytest.raises(DataError, match=words):
        epoch_order(0, 0, n, batch_size)


@given(st.integers(1, 2000), st.integers(1, 9), st.integers(0, 5))
def test_rows_of_similar_length_share_a_batch(n: int, size: int, epoch: int) -> None:
    """Each row once, all batches full but the last, and far less padding than by chance."""
    lengths = np.random.default_rng(n).integers(1, 400, n)
    batches = epoch_order(3, epoch, n, size, True, lengths)
    assert sorted(np.concatenate(batches).tolist()) == list(range(n))
    assert {len(batch) for batch in batches[:-1]} <= {size}
    if n > 500 and size > 1:
        chance = epoch_order(3, epoch, n, size)
        padding = [sum(lengths[b].max() * len(b) for b in o) for o in (batches, chance)]
        assert padding[0] - lengths.sum() < 0.3 * (padding[1] - lengths.sum())
