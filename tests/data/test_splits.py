from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedShuffleSplit

from trimaran.data.splits import SplitSettings, split
from trimaran.errors import DataError

Parts = dict[str, np.ndarray]


def assert_partition(parts: Parts, n: int) -> None:
    """Every row once, each split sorted and not empty."""
    assert np.array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(n))
    for rows in parts.values():
        assert len(rows) and rows.dtype == np.int64 and (np.diff(rows) > 0).all()


def assert_groups_whole(parts: Parts, groups: np.ndarray) -> None:
    seen = [set(groups[rows].tolist()) for rows in parts.values()]
    assert sum(map(len, seen)) == len(set().union(*seen)), "a group stands in two splits"


@given(st.integers(3, 400), st.floats(0, 0.49), st.floats(0, 0.49), st.integers(0, 99))
def test_fractions_partition_the_rows(n: int, validation: float, test: float, seed: int) -> None:
    parts = split(n, SplitSettings(validation, test), seed=seed)
    assert_partition(parts, n)
    for name, fraction in (("validation", validation), ("test", test)):
        assert (name in parts) == (fraction > 0)
        if fraction:
            assert abs(len(parts[name]) - n * fraction) <= 1


def test_the_seed_decides_and_the_test_rows_ignore_the_validation_fraction() -> None:
    settings = SplitSettings(0.2, 0.1)
    first, again, other = (split(200, settings, seed=s) for s in (1, 1, 2))
    assert all(np.array_equal(first[k], again[k]) for k in first)
    assert not np.array_equal(first["test"], other["test"])
    wider = split(200, replace(settings, validation=0.4), seed=1)
    np.testing.assert_array_equal(first["test"], wider["test"])


def test_without_shuffling_the_last_rows_are_held_out() -> None:
    parts = split(10, SplitSettings(0.2, 0.1, shuffle=False))
    assert {k: v.tolist() for k, v in parts.items()} == {
        "train": [0, 1, 2, 3, 4, 5, 6],
        "validation": [7, 8],
        "test": [9],
    }


@given(st.lists(st.integers(3, 60), min_size=2, max_size=6), st.integers(0, 9))
def test_stratified_keeps_each_share(sizes: list[int], seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    settings = SplitSettings(0.25, 0.25, stratify=True)
    if round(0.25 * len(labels)) < len(sizes):
        return
    parts = split(len(labels), settings, labels=labels, seed=seed)
    assert_partition(parts, len(labels))
    for rows in parts.values():
        share = np.bincount(labels[rows], minlength=len(sizes))
        assert (share >= 1).all()
    for name in ("validation", "test"):
        share = np.bincount(labels[parts[name]], minlength=len(sizes))
        assert share.sum() == int(0.25 * len(labels) + 0.5)
        assert (np.abs(share - 0.25 * np.array(sizes)) < 2).all()


def test_stratified_counts_agree_with_scikit_learn() -> None:
    labels = np.repeat(["a", "b", "c"], [60, 30, 10])
    parts = split(100, SplitSettings(0.2, stratify=True), labels=labels)
    _, theirs = next(StratifiedShuffleSplit(1, test_size=0.2).split(labels, labels))
    for name in "abc":
        assert (labels[parts["validation"]] == name).sum() == (labels[theirs] == name).sum()


def test_a_plain_split_would_not_pass_the_stratified_check() -> None:
    """Planted fault: with 2 rare rows of 1000, an unstratified draw loses the class."""
    labels = np.r_[np.zeros(998), np.ones(2)].astype(int)
    plain = split(1000, SplitSettings(0.1), seed=0)
    fair = split(1000, SplitSettings(0.1, stratify=True), labels=labels, seed=0)
    assert labels[plain["validation"]].sum() != 1
    assert labels[fair["validation"]].sum() == 1


@given(st.lists(st.integers(0, 12), min_size=20, max_size=120), st.integers(0, 9), st.booleans())
def test_grouped_never_tears_a_group(values: list[int], seed: int, shuffle: bool) -> None:
    groups = np.array([f"patient-{v}" for v in values])
    settings = SplitSettings(0.2, 0.2, group="patient", shuffle=shuffle)
    if len(set(values)) < 3:
        return
    parts = split(len(groups), settings, groups=groups, seed=seed)
    assert_partition(parts, len(groups))
    assert_groups_whole(parts, groups)


def test_the_group_check_catches_a_leak() -> None:
    """Planted fault: a plain split of grouped rows tears a group, and the check says so."""
    groups = np.repeat(np.arange(10), 10)
    with pytest.raises(AssertionError, match="two splits"):
        assert_groups_whole(split(100, SplitSettings(0.2)), groups)


def test_groups_of_one_size_meet_the_fraction() -> None:
    groups = np.repeat(np.arange(50), 4)
    parts = split(200, SplitSettings(0.2, 0.1, group="g"), groups=groups, seed=3)
    assert (len(parts["validation"]), len(parts["test"])) == (40, 20)


def test_without_shuffling_the_last_groups_are_held_out() -> None:
    groups = np.repeat(["z", "b", "a", "c"], 3)
    parts = split(12, SplitSettings(0.25, group="g", shuffle=False), groups=groups)
    assert parts["validation"].tolist() == [9, 10, 11]


def test_a_fixed_column_is_obeyed_and_completed() -> None:
    fixed = np.array(["train"] * 8 + ["test"] * 2)
    parts = split(10, SplitSettings(0.25, test=0.5), fixed=fixed)
    assert_partition(parts, 10)
    assert parts["test"].tolist() == [8, 9]
    assert len(parts["validation"]) == 2


def test_a_fixed_column_may_name_every_split_in_several_spellings() -> None:
    fixed = np.array([" Train ", "VAL", "dev", "test", "training"], object)
    parts = split(5, SplitSettings(column="split"), fixed=fixed)
    assert {k: v.tolist() for k, v in parts.items()} == {
        "train": [0, 4],
        "validation": [1, 2],
        "test": [3],
    }


def test_a_fixed_column_with_stratification() -> None:
    labels = np.tile([0, 1], 50)
    fixed = np.repeat(["train", "test"], [80, 20])
    parts = split(100, SplitSettings(0.25, stratify=True), labels=labels, fixed=fixed)
    assert np.bincount(labels[parts["validation"]]).tolist() == [10, 10]
    assert parts["validation"].max() < 80


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"validation": 1.0}, "validation fraction must be .* is 1.0"),
        ({"test": -0.1}, "test fraction"),
        ({"validation": float("nan")}, "is nan"),
        ({"validation": 0.6, "test": 0.4}, "leave no row to train on"),
        ({"stratify": True, "group": "g"}, "both stratify and group"),
        ({"stratify": True, "shuffle": False}, "both stratify and shuffle=False"),
    ],
)
def test_settings_refuse(settings: dict[str, float], words: str) -> None:
    with pytest.raises(DataError, match=words):
        SplitSettings(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("n", "settings", "columns", "words"),
    [
        (1, {}, {}, "1 rows are too few for 2 splits"),
        (4, {"stratify": True}, {}, "'stratify' needs a value for each row"),
        (4, {"group": "g"}, {}, "'group' needs a value"),
        (4, {"column": "s"}, {}, "'column' needs a value"),
        (4, {"stratify": True}, {"labels": ["a", "a"]}, "needs 4 values, one per row, but got 2"),
        (4, {"stratify": True}, {"labels": ["a", "a", "b", "a"]}, "class 'b' has 1 row"),
        (9, {"stratify": True, "validation": 0.2}, {"labels": list("abcabcabc")}, "3 classes"),
        (4, {"group": "g"}, {"groups": ["a"] * 4}, r"1 group\(s\) cannot fill 2"),
        (4, {"group": "g"}, {"groups": ["a", "b", None, "c"]}, "Row 2 has no value"),
        (3, {"column": "s"}, {"fixed": ["train", "holdout", "test"]}, "Row 1 .* 'holdout'"),
        (2, {"column": "s"}, {"fixed": ["test", "test"]}, "no row to train"),
        (
            4,
            {"group": "g", "column": "s"},
            {"groups": list("aabb"), "fixed": ["train", "train", "train", "test"]},
            "group 'b' of row",
        ),
    ],
)
def test_split_refuses(
    n: int, settings: dict[str, object], columns: dict[str, list[object]], words: str
) -> None:
    arrays = {k: np.array(v, object if None in v else None) for k, v in columns.items()}
    with pytest.raises(DataError, match=words):
        split(n, SplitSettings(**settings), **arrays)  # type: ignore[arg-type]
