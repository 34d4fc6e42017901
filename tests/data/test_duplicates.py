from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimaran.data import duplicates as module
from trimaran.data.batches import Rows
from trimaran.data.duplicates import Crossing, across, compare, crossings, file_keys
from trimaran.errors import DataError


def rows(values: np.ndarray, labels: np.ndarray | list[int], first_id: int = 0) -> Rows:
    ids = np.arange(first_id, first_id + len(values))
    return Rows({"input": values}, {"output": np.asarray(labels, np.int64)}, None, ids)


def pictures(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 5, 3, 1), dtype=np.uint8)


def planted() -> dict[str, Rows]:
    """Test rows 1 and 3 are copies of train rows 7 and 2; the label of row 3 differs."""
    train, test = pictures(10, 0), pictures(5, 1)
    test[1], test[3] = train[7], train[2]
    labels = np.arange(10)
    return {"train": rows(train, labels), "test": rows(test, [0, 7, 0, 9, 0], 100)}


def test_planted_copies_are_found_with_their_conflict() -> None:
    (found,) = crossings(planted())
    assert found == Crossing("train", "test", 2, 1, ((2, 103), (7, 101)))
    assert "2 row(s) of test stand in train as well, 1 of them with another target" in (str(found))
    assert found.to_json()["rows"] == 2


def test_one_changed_byte_is_no_duplicate() -> None:
    splits = planted()
    for row in (1, 3):
        splits["test"].inputs["input"][row, 4, 2, 0] ^= 1
    assert crossings(splits) == ()


def brute(first: np.ndarray, second: np.ndarray) -> int:
    known = {row.tobytes() for row in first}
    return sum(row.tobytes() in known for row in second)


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(0, 30), st.integers(0, 30))
def test_counts_equal_a_set_of_bytes(seed: int, width: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = (rng.integers(0, 3, (k, width)).astype(np.float32) for k in (n, m))
    found = crossings({"a": rows(first, [0] * n), "b": rows(second, [0] * m)})
    assert sum(c.rows for c in found) == brute(first, second)


def test_colliding_hashes_are_told_apart_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: a hash that gives every row the same value changes nothing but the speed."""
    expected = crossings(planted())
    real = module._hash
    monkeypatch.setattr(module, "_hash", lambda r, salt: real(r, salt) * np.uint64(r.shape[1] == 8))
    assert crossings(planted()) == expected


def test_every_input_counts() -> None:
    first = Rows({"a": np.zeros((2, 1)), "b": np.array([[1.0], [2]])}, {}, None, np.arange(2))
    second = Rows({"a": np.zeros((2, 1)), "b": np.array([[3.0], [2]])}, {}, None, np.arange(2))
    (found,) = crossings({"train": first, "test": second})
    assert found.examples == ((1, 1),)


def test_three_splits_give_each_pair() -> None:
    same = pictures(2, 0)
    found = crossings({name: rows(same, [0, 1]) for name in ("train", "validation", "test")})
    assert [(c.first, c.second, c.rows, c.conflicts) for c in found] == [
        ("train", "validation", 2, 0),
        ("train", "test", 2, 0),
        ("validation", "test", 2, 0),
    ]


def test_a_twin_with_the_same_label_settles_the_conflict() -> None:
    image = pictures(1, 0)
    train = rows(np.repeat(image, 2, 0), [1, 2])
    assert crossings({"train": train, "test": rows(image, [2])})[0].conflicts == 0
    assert crossings({"train": train, "test": rows(image, [3])})[0].conflicts == 1


def test_splits_of_different_shapes_are_refused() -> None:
    splits = {"train": rows(np.zeros((2, 3)), [0, 0]), "test": rows(np.zeros((2, 4)), [0, 0])}
    with pytest.raises(DataError, match="different sizes"):
        crossings(splits)


def test_files_are_compared_by_content_to_their_end(tmp_path: Path) -> None:
    """ "b" equals "a" in size and in all but its last byte; only "c" is a copy."""
    start = b"x" * 9999
    for name, content in (("a", start + b"1"), ("b", start + b"2"), ("c", start + b"1")):
        (tmp_path / name).write_bytes(content)
    keys = file_keys({s: [str(tmp_path / f) for f in fs] for s, fs in (("x", "ba"), ("y", "c"))})
    labels = {"x": np.array([0, 0]), "y": np.array([1])}
    (found,) = compare(keys, labels, {"x": np.arange(2), "y": np.arange(1)})
    assert (found.rows, found.conflicts, found.examples) == (1, 1, ((1, 0),))


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing.png cannot be read"):
        file_keys({"train": [str(tmp_path / "missing.png")]})


def test_one_split_shares_with_nobody() -> None:
    assert across({}) == across({"train": planted()["train"]}) == ()
