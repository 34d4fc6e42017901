"""Fields against plain NumPy and scikit-learn, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from trimaran.data.features import ArrayField, TableField
from trimaran.data.fields import MISSING, Boolean, Category, ImageField, Numbers
from trimaran.data.raw import RawTable
from trimaran.errors import DataError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("channels", [1, 3])
def test_standard_pictures_have_mean_0_and_deviation_1(channels: int) -> None:
    images = RNG.integers(0, 200, (50, 6, 5, channels), np.uint8)
    fitted = ImageField.fit(images, "standard", 255.0, "crop")
    floats = fitted.affine.apply(fitted.apply(images)).astype(np.float64)
    np.testing.assert_allclose(floats.mean((0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(floats.std((0, 1, 2)), 1, atol=1e-6)


@pytest.mark.parametrize(("normalize", "top", "high"), [("auto", 255, 1), ("unit", 16, 255 / 16)])
def test_unit_pictures(normalize: str, top: float, high: float) -> None:
    images = np.array([0, 255], np.uint8).reshape(2, 1, 1, 1)
    fitted = ImageField.fit(images, normalize, top, "crop")
    np.testing.assert_allclose(fitted.affine.apply(images).ravel(), [0, high], rtol=1e-6)
    assert fitted.apply(images) is not None and fitted.apply(images).dtype == np.uint8


def test_black_pictures_do_not_divide_by_zero() -> None:
    fitted = ImageField.fit(np.zeros((3, 2, 2, 1), np.uint8), "standard", 255.0, "crop")
    assert (fitted.affine.apply(np.zeros((1, 2, 2, 1), np.uint8)) == 0).all()


def test_pictures_of_another_shape_or_type() -> None:
    fitted = ImageField.fit(np.zeros((3, 4, 5, 1), np.uint8), "auto", 255.0, "crop")
    for one in ((4, 5), (4, 5, 1), (1, 4, 5)):
        assert fitted.apply(np.zeros(one, np.uint8)).shape == (1, 4, 5, 1)
    with pytest.raises(DataError, match=r"\(5, 4, 1\), but the model was trained on \(4, 5, 1\)"):
        fitted.apply(np.zeros((2, 5, 4, 1), np.uint8))
    with pytest.raises(DataError, match="type float64"):
        fitted.apply(np.zeros((2, 4, 5, 1)))


def test_float_pictures_stay_and_must_be_finite() -> None:
    images = RNG.random((3, 4, 5, 1))
    fitted = ImageField.fit(images, "auto", 255.0, "crop")
    np.testing.assert_array_equal(fitted.apply(images), images.astype(np.float32))
    images[1, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match=r"row 1 .* NaN .*\(1 such"):
        fitted.apply(images)


def test_pictures_of_another_type_are_refused_with_what_makes_them_right() -> None:
    fitted = ImageField.fit(np.zeros((3, 2, 2, 1), np.uint8), "auto", 255.0, "crop")
    for top, remedy in ((1.0, r"\(x \* 255\)\.round\(\)"), (200.0, r"with x\.astype")):
        with pytest.raises(DataError, match=remedy):
            fitted.apply(np.full((1, 2, 2, 1), top, np.float32))


@given(hnp.arrays(np.float64, (9, 3), elements=st.floats(-1e3, 1e3) | st.just(float("nan"))))
def test_numbers_like_scikit_learn(matrix: np.ndarray) -> None:
    matrix[0] = [1, 2, 3]  # a known value in each column
    fitted = Numbers.fit(["a", "b", "c"], matrix)
    filled = SimpleImputer(strategy="median").fit(matrix)
    scaler = StandardScaler().fit(filled.transform(matrix))
    expected = scaler.transform(filled.transform(matrix))
    wide = scaler.scale_ > 1e-9  # both leave constant columns alone, within rounding
    np.testing.assert_allclose(fitted.apply(matrix)[:, wide], expected[:, wide], atol=1e-4)
    assert np.isfinite(fitted.apply(np.full((1, 3), np.inf))).all()


def test_empty_and_constant_number_columns() -> None:
    fitted = Numbers.fit(["a", "b"], np.array([[np.nan, 0.1], [np.nan, 0.1], [np.inf, 0.1]]))
    np.testing.assert_allclose(fitted.apply(np.array([[np.nan, 0.1]])), 0, atol=1e-6)


def test_category_like_scikit_learn() -> None:
    column = np.array(["b", "a", "b", None], object)
    fitted = Category.fit("town", column)
    assert fitted.values == (MISSING, "a", "b")
    texts = np.array([["a"], ["b"], ["new"]])
    known = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit([["a"], ["b"]])
    found = fitted.apply(texts[:, 0].astype(object))
    np.testing.assert_array_equal(found[:, 1:3], known.transform(texts))
    assert found[2].tolist() == [0, 0, 0, 1]
    assert fitted.apply(np.array([None, float("nan")], object))[:, 0].tolist() == [1, 1]


def test_rare_categories_share_the_unseen_slot() -> None:
    column = np.array(["x"] * 5 + ["y"] * 3 + ["z"], object)
    fitted = Category.fit("town", column, most=2)
    assert fitted.values == ("x", "y")
    assert fitted.apply(np.array(["z"], object)).tolist() == [[0, 0, 1]]


def test_boolean_fills_with_the_more_frequent() -> None:
    fitted = Boolean.fit("b", np.array([True, True, False, None], object))
    assert fitted.apply(np.array([None, False, True], object)).ravel().tolist() == [1, 0, 1]


def test_a_row_reads_back_in_the_words_of_its_table() -> None:
    columns = {
        "age": np.array([20.0, 30.0, 55.0, np.nan]),
        "member": np.array([True, False, None, True], object),
        "town": np.array(["Ulm", "Bonn", None, "Ulm"], object),
    }
    table = RawTable("people", columns)
    fitted = TableField.fit(columns, np.arange(3))
    found = [fitted.readable(row) for row in fitted.apply(table)]
    assert [row["age"] for row in found] == [20, 30, 55, 30]
    assert [row["member"] for row in found] == ["yes", "no", "no", "yes"]
    assert [row["town"] for row in found] == ["Ulm", "Bonn", MISSING, "Ulm"]
    unseen = RawTable("others", {**columns, "town": np.array(["Rom"] * 4, object)})
    assert fitted.readable(fitted.apply(unseen)[0])["town"] == "(unseen)"


@pytest.mark.parametrize("standard", [True, False])
def test_a_vector_reads_back_in_its_units(standard: bool) -> None:
    values = RNG.normal(size=(20, 2)) * 1000 + 5
    fitted = ArrayField.fit(values, standard)
    found = fitted.readable(fitted.apply(values)[3])
    assert list(found) == ["x0", "x1"]
    np.testing.assert_allclose(list(found.values()), values[3], rtol=1e-4)
