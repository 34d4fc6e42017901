import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trimaran.data.batches import Affine, Rows
from trimaran.errors import DataError


def rows(n: int = 5, **changes: object) -> Rows:
    rng = np.random.default_rng(0)
    values: dict[str, object] = {
        "inputs": {"input": rng.integers(0, 256, (n, 4, 4, 1), dtype=np.uint8)},
        "targets": {"output": np.arange(n, dtype=np.int64)},
        "weights": np.ones(n, np.float32),
        "ids": np.arange(100, 100 + n),
        "affine": {"input": Affine((1 / 255,), (0.0,))},
    }
    return Rows(**(values | changes))  # type: ignore[arg-type]


@given(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=4, max_side=5)),
    st.floats(-2, 2, width=32),
    st.floats(-2, 2, width=32),
)
def test_affine_is_scale_times_value_plus_offset(
    stored: np.ndarray, scale: float, offset: float
) -> None:
    got = Affine((scale,), (offset,)).apply(stored)
    assert got.dtype == np.float32 and got.shape == stored.shape
    np.testing.assert_allclose(got, stored.astype(float) * scale + offset, rtol=1e-6, atol=1e-4)


def test_affine_works_channel_by_channel() -> None:
    got = Affine((1.0, 2.0, 3.0), (0.0, 10.0, 20.0)).apply(np.ones((2, 5, 5, 3), np.uint8))
    np.testing.assert_array_equal(got[1, 2, 3], [1, 12, 23])


def test_affine_survives_json() -> None:
    affine = Affine((0.1, 1 / 3), (-0.5, 2.0))
    assert Affine.from_json(affine.to_json()) == affine


@pytest.mark.parametrize(
    ("scale", "offset", "words"),
    [
        ((1.0,), (), "1 scales and 0 offsets"),
        ((), (), "0 scales"),
        ((float("inf"),), (0.0,), "finite"),
    ],
)
def test_affine_refuses(scale: tuple[float, ...], offset: tuple[float, ...], words: str) -> None:
    with pytest.raises(DataError, match=words):
        Affine(scale, offset)


def test_affine_refuses_other_channels() -> None:
    with pytest.raises(DataError, match="2 channels"):
        Affine((1.0, 1.0), (0.0, 0.0)).apply(np.zeros((1, 2, 2, 3), np.uint8))


def test_take_keeps_every_column_aligned() -> None:
    whole = rows(5)
    part = whole.take(np.array([4, 0, 4]))
    assert len(part) == 3
    np.testing.assert_array_equal(part.ids, [104, 100, 104])
    np.testing.assert_array_equal(part.targets["output"], [4, 0, 4])
    np.testing.assert_array_equal(part.inputs["input"][1], whole.inputs["input"][0])
    assert part.weights is not None and len(part.weights) == 3
    assert part.affine == whole.affine


def test_take_without_weights() -> None:
    assert rows(3, weights=None).take(np.array([1])).weights is None


def test_floats_applies_the_affine_of_its_input_only() -> None:
    whole = rows(2, inputs={"input": np.full((2, 1), 255, np.uint8), "age": np.ones((2, 1), "f4")})
    np.testing.assert_allclose(whole.floats(), 1.0)
    np.testing.assert_array_equal(whole.floats("age"), np.ones((2, 1)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"inputs": {}}, "at least one input"),
        ({"inputs": {"input": np.zeros((4, 1), np.uint8)}}, "input 'input' has 4 rows where 5"),
        ({"targets": {"output": np.zeros(6, np.int64)}}, "target 'output' has 6 rows where 5"),
        ({"targets": {"output": np.int64(3) * np.ones(())}}, "target 'output' has no rows"),
        ({"weights": np.ones(2, np.float32)}, "sample weights has 2 rows"),
        ({"weights": np.array([1, 1, -1, 1, 1], np.float32)}, "row 102 is -1.0"),
        ({"weights": np.array([1, 1, 1, 1, np.nan], np.float32)}, "row 104 is nan"),
        ({"affine": {"image": Affine((1.0,), (0.0,))}}, "'image' belongs to no input"),
    ],
)
def test_rows_refuse(changes: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        rows(5, **changes)


def test_rows_lose_the_padding_of_all_of_them_by_quarters():
    tokens = np.ones((3, 10), np.int32)

    def steps(*lengths: int) -> int:
        rows = Rows({"input": tokens, "other": tokens}, {}, None, np.arange(3),
                    lengths={"input": np.array(lengths)})  # fmt: skip
        assert rows.cut().inputs["other"].shape == (3, 10)
        return rows.cut().inputs["input"].shape[1]

    assert [steps(1, 1, n) for n in (0, 2, 3, 5, 6, 7, 8, 10)] == [3, 3, 5, 5, 8, 8, 10, 10]
