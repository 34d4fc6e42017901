"""Arrays on their way into a model: what is taken, and what is refused in which words."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimaran import layers, models
from trimaran.data.batches import Rows
from trimaran.errors import DataError
from trimaran.fitting.feeding import (
    class_weighted,
    condensed,
    held_out,
    rows_of,
    split_last,
    target,
)
from trimaran.spec import sequential
from trimaran.tasks.loss import Loss

IMAGES = sequential([layers.Flatten(), layers.Dense(10, activation="softmax")], (28, 28, 1))
TABLE = sequential([layers.Dense(3, activation="softmax")], (4,))
SPARSE, DENSE = Loss("sparse_categorical_crossentropy"), Loss("categorical_crossentropy")
BINARY, SQUARED = Loss("binary_crossentropy"), Loss("mean_squared_error")


def rows(n):
    return Rows({"x": np.arange(n)[:, None]}, {"y": np.arange(n)}, None, np.arange(n))


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float64, np.float16, bool])
def test_numbers_of_any_type_are_taken(kind):
    x = np.eye(4).astype(kind)
    found = rows_of(TABLE, x)
    np.testing.assert_array_equal(found.floats(), np.eye(4, dtype=np.float32))


def test_frames_and_lists_are_taken():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4], "c": [5, 6], "d": [7, 8]})
    expected = rows_of(TABLE, frame).floats()
    np.testing.assert_array_equal(expected, rows_of(TABLE, frame.to_numpy().tolist()).floats())


@pytest.mark.parametrize(
    ("x", "remedy"),
    [
        (np.zeros((5, 28, 28)), r"\(5, 28, 28\); the model takes \(N, 28, 28, 1\).*x\[..., None\]"),
        (np.zeros((5, 1, 28, 28)), r"x.transpose\(0, 2, 3, 1\)"),
        (np.zeros((28, 28, 1)), r"x\[None\]"),
        (np.zeros((5, 784)), r"x.reshape\(-1, 28, 28, 1\)"),
        (np.zeros((5, 32, 32, 3)), "change the data or the model's input shape"),
        (np.array([["a"]]), "encode texts"),
    ],
)
def test_a_wrong_shape_is_named_with_its_remedy(x, remedy):
    with pytest.raises(DataError, match=remedy):
        rows_of(IMAGES, x)


def test_the_remedies_are_right():
    for x in (np.zeros((5, 28, 28))[..., None], np.zeros((5, 1, 28, 28)).transpose(0, 2, 3, 1)):
        assert len(rows_of(IMAGES, x)) == 5


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named_by_its_row(bad):
    x = np.zeros((6, 4))
    x[3, 1] = x[5, 0] = bad
    with pytest.raises(DataError, match=r"Row 3 of the input 'input' .*2 such row"):
        rows_of(TABLE, x)
    with pytest.raises(DataError, match="Row 2 of the target 'output'"):
        target("output", SQUARED, (1,), np.array([0, 1, bad]))


@pytest.mark.parametrize(
    ("loss", "y", "text"),
    [
        (SPARSE, np.eye(3), r"whole class numbers \(N,\); give y.argmax\(axis=1\)"),
        (SPARSE, np.array([0.5, 1.0]), "whole class numbers"),
        (SPARSE, np.array([0, 3, 1]), "Row 1 .* is the class 3 .* 3 units for 0 to 2"),
        (SPARSE, np.array([0, -1]), "Row 1 .* is the class -1"),
        (SPARSE, np.array(["cat"]), "class numbers 0, 1, ... first"),
        (DENSE, np.array([0, 1, 2]), r"np.eye\(3\)\[y\], or compile with sparse_cat"),
        (DENSE, np.eye(4), "as many units as the target has columns"),
        (DENSE, 2 * np.eye(3), "needs values from 0 to 1"),
        (SPARSE, 1, "is one number"),
    ],
)
def test_labels_in_the_form_of_another_loss_are_refused(loss, y, text):
    with pytest.raises(DataError, match=text):
        target("output", loss, (3,), y)


def test_labels_are_taken_as_keras_takes_them():
    np.testing.assert_array_equal(target("o", SPARSE, (3,), [[2], [0]]), [2, 0])
    np.testing.assert_array_equal(target("o", SPARSE, (3,), [2.0, 0.0]), [2, 0])
    assert target("o", BINARY, (1,), [0, 1, 1]).shape == (3, 1)
    assert target("o", SQUARED, (1,), np.zeros(3)).shape == (3, 1)
    with pytest.raises(DataError, match="ranges from 0 to 5"):
        target("o", BINARY, (1,), [0, 5])
    with pytest.raises(DataError, match="put Flatten"):
        target("o", SPARSE, (7, 3), [0])


def test_several_inputs_need_a_name_or_a_place():
    a, b = layers.Input((2,), name="a"), layers.Input((3,), name="b")
    model = models.Model([a, b], layers.Concatenate()([a, b])).description
    assert list(rows_of(model, [np.zeros((4, 2)), np.zeros((4, 3))]).inputs) == ["a", "b"]
    with pytest.raises(DataError, match="2 arrays; give a list in the order a, b"):
        rows_of(model, np.zeros((4, 2)))
    with pytest.raises(DataError, match="keys a, c; expected a, b"):
        rows_of(model, {"a": np.zeros((4, 2)), "c": np.zeros((4, 3))})
    with pytest.raises(DataError, match="one entry per row"):
        rows_of(model, [np.zeros((4, 2)), np.zeros((5, 3))])


def test_a_missing_or_short_target_is_named():
    with pytest.raises(DataError, match="y is missing"):
        rows_of(TABLE, np.zeros((2, 4)), None, {"output": SPARSE})
    with pytest.raises(DataError, match="one entry per row"):
        rows_of(TABLE, np.zeros((2, 4)), [0], {"output": SPARSE})
    with pytest.raises(DataError, match="one per row"):
        rows_of(TABLE, np.zeros((2, 4)), [0, 1], {"output": SPARSE}, weights=[1.0])


@given(st.integers(2, 500), st.floats(0.01, 0.99))
def test_the_split_is_keras_formula(n, fraction):
    first = int(np.floor(n * (1.0 - fraction)))
    if first == 0:
        with pytest.raises(DataError, match="leaves 0 of"):
            split_last(rows(n), fraction)
        return
    train, held = split_last(rows(n), fraction)
    np.testing.assert_array_equal(train.ids, np.arange(first))
    np.testing.assert_array_equal(held.targets["y"], np.arange(first, n))


@pytest.mark.parametrize("fraction", [-0.2, 1.0, 1.5, float("nan")])
def test_a_split_that_cannot_be_is_refused(fraction):
    with pytest.raises(DataError, match="validation_split"):
        split_last(rows(10), fraction)


def test_class_weights_multiply_sample_weights():
    given_rows = Rows({"x": np.zeros((3, 1))}, {"y": np.array([0, 2, 1])},
                      np.array([1, 2, 4], np.float32), np.arange(3))  # fmt: skip
    assert class_weighted(given_rows, {0: 3, 2: 0.5}).weights.tolist() == [3.0, 1.0, 4.0]
    hot = Rows(given_rows.inputs, {"y": np.eye(3)[[0, 2, 1]]}, None, np.arange(3))
    assert class_weighted(hot, {0: 3, 2: 0.5}).weights.tolist() == [3.0, 0.5, 1.0]


def test_held_out_rows_keep_the_shares_of_the_classes():
    y = np.repeat([0, 1], [80, 20])
    parts = held_out(Rows({"x": y[:, None]}, {"y": y}, None, np.arange(100)), 0.1, seed=3)
    assert np.bincount(parts["validation"].targets["y"]).tolist() == [8, 2]
    both = np.concatenate([part.ids for part in parts.values()])
    assert sorted(both.tolist()) == list(range(100))


def test_rows_of_one_batch_are_condensed_whatever_their_order():
    x, y = np.array([[2.0], [1.0], [2.0], [3.0]]), np.array([0, 1, 0, 1])
    weights = np.array([1.0, 2.0, 0.5, 0.0])
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        found = condensed(x[order], y[order], weights[order], 32)
        np.testing.assert_array_equal(found[0], [[1.0], [2.0]])
        np.testing.assert_array_equal(found[1], [1, 0])
        np.testing.assert_array_equal(found[2], [2.0, 1.5])
    assert len(condensed(x, y, weights, 2)[0]) == 3
