import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimaran.data import philox as module
from trimaran.data.order import AUGMENT
from trimaran.data.philox import philox, uniform, uniforms

WORD = st.integers(0, 2**64 - 1)


def numpys(counter: list[int], key: tuple[int, int]) -> list[int]:
    """The block at `counter` by NumPy, which adds one to the 256-bit counter before it draws."""
    whole = (sum(word << 64 * i for i, word in enumerate(counter)) - 1) % 2**256
    words = np.array([whole >> 64 * i & (2**64 - 1) for i in range(4)], np.uint64)
    generator = np.random.Philox(counter=words, key=np.array(key, np.uint64))
    return list(generator.random_raw(4).tolist())


@given(st.lists(st.tuples(WORD, WORD, WORD, WORD), min_size=1, max_size=5), st.tuples(WORD, WORD))
def test_words_equal_numpys(
    counters: list[tuple[int, int, int, int]], key: tuple[int, int]
) -> None:
    got = philox(np.array(counters, np.uint64).T, key)
    assert got.T.tolist() == [numpys(list(c), key) for c in counters]


@pytest.mark.parametrize("name", ["_ROUNDS", "_BUMPS", "_MULTIPLIERS_HIGH"])
def test_the_oracle_notices_a_wrong_constant(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: nine rounds, or one bit of a constant."""
    monkeypatch.setattr(
        module, name, getattr(module, name) ^ type(module._HALF)(3) if name != "_ROUNDS" else 9
    )
    got = philox(np.array([[1], [2], [3], [4]], np.uint64), (5, 6))
    assert got[:, 0].tolist() != numpys([1, 2, 3, 4], (5, 6))


@given(st.integers(0, 2**63), st.integers(0, 1000), st.integers(0, 2**62), st.integers(0, 20))
def test_draws_are_numpys_doubles(seed: int, epoch: int, row: int, purpose: int) -> None:
    got = uniform(seed, epoch, np.array([row]), purpose, 6)[0]
    words = [w for block in (0, 1) for w in numpys([block, row, epoch, purpose], (seed, AUGMENT))]
    assert got.tolist() == [(w >> 11) * 2.0**-53 for w in words[:6]]


def test_a_draw_ignores_its_neighbours() -> None:
    ids = np.array([9, 4, 4, 1000000])
    together = uniforms(1, 2, ids, (3, 0, 7), 5)
    assert together.shape == (3, 4, 5)
    for p, purpose in enumerate((3, 0, 7)):
        for i, row in enumerate(ids):
            alone = uniform(1, 2, np.array([row]), purpose, 3)
            np.testing.assert_array_equal(together[p, i, :3], alone[0])


@pytest.mark.parametrize("change", [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)])
def test_each_name_of_a_draw_matters(change: tuple[int, int, int, int]) -> None:
    """An implementation that ignored seed, epoch, row or purpose would be caught here."""
    seed, epoch, row, purpose = change
    plain = uniform(0, 0, np.array([0]), 0, 4)
    assert not np.isin(uniform(seed, epoch, np.array([row]), purpose, 4), plain).any()


def test_draws_are_uniform_and_uncorrelated() -> None:
    drawn = uniform(3, 1, np.arange(20000), 2, 4)
    assert drawn.min() >= 0 and drawn.max() < 1
    counts = np.histogram(drawn, 20, (0, 1))[0]
    assert ((counts - 4000) ** 2 / 4000).sum() < 50  # 19 degrees of freedom, p = 1e-4
    correlation = np.corrcoef(np.vstack([drawn.T, np.roll(drawn[:, 0], 1)]))
    assert np.abs(correlation - np.eye(5)).max() < 0.03
