"""NumPy archives: the names people use, splits inside, and no pickles."""

from pathlib import Path

import numpy as np
import pytest

from trimaran.data.raw import RawArrays, RawImages
from trimaran.data.sources.arrays import read_npz
from trimaran.errors import DataError

X, Y = np.arange(12.0).reshape(4, 3), np.array([0, 1, 0, 1])


@pytest.mark.parametrize("names", [("x", "y"), ("X", "y"), ("data", "target")])
def test_usual_names(tmp_path: Path, names: tuple[str, str]) -> None:
    np.savez(tmp_path / "a.npz", **dict(zip(names, (X, Y), strict=True)))
    raw = read_npz(tmp_path / "a.npz")
    assert isinstance(raw, RawArrays)
    np.testing.assert_array_equal(raw.inputs, X)
    np.testing.assert_array_equal(raw.labels, Y)


def test_pictures_and_named_target(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", pictures=np.zeros((4, 5, 6), np.uint8), what=Y)
    raw = read_npz(tmp_path / "a.npz", target="what")
    assert isinstance(raw, RawImages) and raw.images.shape == (4, 5, 6, 1)


def test_splits_inside_are_kept(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[:2], y_test=Y[:2])
    raw = read_npz(tmp_path / "a.npz")
    assert {k: v.tolist() for k, v in raw.parts.items()} == {"train": [0, 1, 2, 3], "test": [4, 5]}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": X}, "holds the arrays a; expected x and y"),
        ({"x": X, "y": Y[:3]}, r"inputs of shape \(4, 3\) .* targets of shape \(3,\)"),
        ({"x": X.astype(str), "y": Y}, "expected numbers"),
        ({"x_train": X, "y_train": Y, "x_test": X}, "no y_test as long"),
        ({"x_train": X, "y_train": Y, "x_test": X[:, :2], "y_test": Y}, r"rows of shape \(2,\)"),
        ({"x": X, "y": np.array([{}, 1, 2, 3], dtype=object)}, "without objects"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, arrays: dict, message: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message) as caught:
        read_npz(tmp_path / "a.npz")
    assert "a.npz" in str(caught.value)


def test_truncated(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[:100])
    with pytest.raises(DataError, match="not a readable .npz"):
        read_npz(tmp_path / "a.npz")
