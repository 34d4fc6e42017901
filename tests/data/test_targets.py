"""Classes and values: encoding, decoding, and labels that training never saw."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trimaran.data.targets import Labels, Values, missing, target_from_json
from trimaran.errors import DataError

KINDS = st.sampled_from([np.uint8, np.int64, np.float64, bool, str, object])


@given(st.lists(st.integers(0, 1), min_size=1), KINDS)
def test_labels_come_back_as_they_were(values: list[int], kind: type) -> None:
    labels = np.array(["no" if v else "yes" for v in values] if kind in (str, object) else values)
    labels = labels.astype(kind)
    fitted = Labels.fit(labels)
    codes = fitted.encode(labels)
    assert codes.dtype == np.int64 and 0 <= codes.min() <= codes.max() < fitted.size
    assert fitted.decode(codes).tolist() == labels.tolist()
    assert target_from_json(fitted.to_json()) == fitted


def test_names_of_numbered_classes() -> None:
    assert Labels.fit(np.array([1, 0]), ("cat", "dog")).names == ("cat", "dog")
    assert Labels.fit(np.array([1]), ("cat", "dog")) == Labels((1,), ("dog",))
    assert Labels.fit(np.array([-5, 300])) == Labels((-5, 300), ("-5", "300"))


def test_unseen_label_names_label_row_and_known() -> None:
    fitted = Labels.fit(np.array(["cat", "dog"]))
    with pytest.raises(DataError, match=r"pets.csv row 3 has the label 'cow'.*2 such.*cat, dog"):
        fitted.encode(np.array(["cat", "cow", "emu"]), lambda k: f"pets.csv row {k + 2}")


@given(hnp.arrays(np.float64, (7, 2), elements=st.floats(-1e6, 1e6)))
def test_values_round_trip(values: np.ndarray) -> None:
    fitted = Values.fit(values)
    standard = fitted.encode(values)
    assert standard.dtype == np.float32 and standard.shape == (7, 2)
    scale = np.array(fitted.scale) * np.abs(standard).max(initial=1)
    assert (np.abs(fitted.decode(standard) - values) <= 1e-5 * scale + 1e-9).all()
    assert target_from_json(fitted.to_json()) == fitted


def test_values_refuse_what_is_no_number() -> None:
    fitted = Values.fit(np.ones((3, 1)))
    with pytest.raises(DataError, match=r"row 1 has the target nan \(2 such"):
        fitted.encode(np.array([1, np.nan, np.inf]))
    with pytest.raises(DataError, match=r"2 column\(s\), but training had 1"):
        fitted.encode(np.ones((3, 2)))


def test_missing() -> None:
    assert missing(np.array(["a", None, "", float("nan")], object)).tolist() == [0, 1, 1, 1]
    assert missing(np.array([[1, np.nan], [1, 2]])).tolist() == [True, False]
    assert not missing(np.arange(3)).any()
