"""From settings and arrays to splits: official tests kept, fits on train only, faults named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image

from trimaran.data.batches import Rows
from trimaran.data.prepare import Prepared, prepare, prepare_arrays
from trimaran.data.settings import DataSettings
from trimaran.data.stream import Stream
from trimaran.errors import DataError, RecipeError

RNG = np.random.default_rng(0)


def sizes(prepared: Prepared) -> dict[str, int]:
    return {name: len(rows) for name, rows in prepared.splits.items()}


def table(n: int = 100, **columns: object) -> pd.DataFrame:
    base = {"a": RNG.normal(size=n), "b": RNG.choice(["u", "v"], n), "y": np.arange(n) % 2}
    return pd.DataFrame({**base, **columns})


def csv(folder: Path, frame: pd.DataFrame) -> str:
    frame.to_csv(folder / "t.csv", index=False)
    return str(folder / "t.csv")


def test_digits() -> None:
    prepared = prepare(DataSettings(set="digits"), seed=0)
    assert sizes(prepared) == {"train": 1079, "validation": 359, "test": 359}
    assert prepared.inputs == {"input": (8, 8, 1)} and prepared.task == "classify"
    rows = prepared.splits["train"]
    assert rows.inputs["input"].dtype == np.uint8 and rows.floats().max() == 1.0
    assert prepared.outputs["output"].classes == tuple("0123456789")
    every = np.concatenate([r.ids for r in prepared.splits.values()])
    assert sorted(every.tolist()) == list(range(1797))
    shares = [np.bincount(r.targets["output"]) / len(r) for r in prepared.splits.values()]
    assert np.abs(np.array(shares) - shares[0]).max() < 0.01


def test_same_seed_same_bytes_other_seed_other_split() -> None:
    digests = [prepare(DataSettings(set="digits"), seed=s).facts["digest"] for s in (0, 0, 1)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("name", ["iris", "wine", "breast-cancer", "diabetes"])
def test_bundled_tables(name: str) -> None:
    prepared = prepare(DataSettings(set=name), seed=0)
    train = prepared.splits["train"].inputs["input"].astype(np.float64)
    np.testing.assert_allclose(train.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(train.std(0), 1, atol=1e-5)
    assert abs(prepared.splits["test"].inputs["input"].mean(0)).max() > 1e-3  # fitted on train only
    assert prepared.task == ("regress" if name == "diabetes" else "classify")


@pytest.mark.parametrize(("name", "truth"), [("and", [0, 0, 0, 1]), ("xor", [0, 1, 1, 0])])
def test_truth_tables(name: str, truth: list[int]) -> None:
    prepared = prepare(DataSettings(set=name, validation=0, test=0), seed=0)
    assert prepared.splits["train"].targets["output"].tolist() == truth


@pytest.mark.parametrize("limit", [50, 333])
def test_limit_keeps_the_classes(limit: int) -> None:
    prepared = prepare(DataSettings(set="digits", limit=limit), seed=0)
    assert sum(sizes(prepared).values()) == limit
    counts = np.array([list(c.values()) for c in prepared.facts["classes"].values()]).sum(0)
    assert counts.max() - counts.min() <= 2


def test_unknown_set_and_missing_source() -> None:
    with pytest.raises(RecipeError, match="no set 'mnits'.*did you mean 'mnist'"):
        prepare(DataSettings(set="mnits"), seed=0)
    with pytest.raises(RecipeError, match="either a set or a path"):
        prepare(DataSettings(), seed=0)
    with pytest.raises(DataError, match="nowhere.csv does not exist|nowhere.csv"):
        prepare(DataSettings(path="nowhere.csv"), seed=0)
    with pytest.raises(DataError, match="none of them; expected a folder"):
        prepare(DataSettings(path=__file__), seed=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "guess"}, "data.task is 'guess'; expected one of classify, regress"),
        ({"on_bad": "skip"}, "expected one of refuse, drop"),
        ({"limit": 0}, "data.limit is 0"),
        ({"memory": 0}, "data.memory is 0"),
    ],
)
def test_impossible_settings(changes: dict, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        DataSettings(**changes)


def test_csv_roles(tmp_path: Path) -> None:
    frame = table(who=np.arange(100) // 4, part=["train"] * 80 + ["test"] * 20, w=np.arange(100.0))
    path = csv(tmp_path, frame)
    fixed = prepare(DataSettings(path=path, target="y", split_column="part", drop=("w", "who")), 0)
    assert sizes(fixed) == {"train": 64, "validation": 16, "test": 20}
    assert min(fixed.splits["test"].ids) == 80
    grouped = prepare(
        DataSettings(path=path, target="y", group="who", weights="w", drop=("part",)), 0
    )
    groups = {k: set((r.ids // 4).tolist()) for k, r in grouped.splits.items()}
    assert not groups["train"] & groups["test"] and not groups["train"] & groups["validation"]
    train = grouped.splits["train"]
    np.testing.assert_array_equal(train.weights, train.ids.astype(np.float32))
    assert grouped.facts["columns"] == ["a", "b", "part"][:2]


@pytest.mark.parametrize(
    ("column", "value", "setting", "message"),
    [
        ("part", "training2", {"split_column": "part"}, r"t.csv row 5 has 'training2'"),
        ("w", -1.0, {"weights": "w"}, r"t.csv row 5 has the weight -1.0"),
        ("w", np.nan, {"weights": "w"}, r"t.csv row 5 has the weight nan"),
        ("y", np.nan, {}, r"t.csv row 5 has no usable target \(1 such"),
    ],
)
def test_bad_values_name_the_row(tmp_path: Path, column, value, setting, message) -> None:
    frame = table(part="train", w=1.0)
    frame[column] = frame[column].astype(object)
    frame.loc[3, column] = value
    path = csv(tmp_path, frame)
    with pytest.raises(DataError, match=message):
        prepare(DataSettings(path=path, target="y", **setting), 0)


def test_rows_without_target_can_be_dropped(tmp_path: Path) -> None:
    frame = table()
    frame.loc[[3, 7], "y"] = np.nan
    prepared = prepare(DataSettings(path=csv(tmp_path, frame), target="y", on_bad="drop"), 0)
    assert sum(sizes(prepared).values()) == 98
    assert any(
        "2 row(s) without a usable target" in n and "t.csv row 5" in n for n in prepared.notices
    )
    assert prepared.outputs["output"].classes == ("0", "1")


def test_missing_and_infinite_numbers_are_told(tmp_path: Path) -> None:
    frame = table()
    frame.loc[[1, 2], "a"] = np.nan
    frame.loc[3, "a"] = np.inf
    prepared = prepare(DataSettings(path=csv(tmp_path, frame), target="y"), 0)
    assert any("'a' has 2 missing and 1 infinite value(s)" in n for n in prepared.notices)
    assert all(np.isfinite(r.inputs["input"]).all() for r in prepared.splits.values())


def test_wrong_columns_are_named(tmp_path: Path) -> None:
    path = csv(tmp_path, table())
    with pytest.raises(DataError, match="no column 'aa'.*data.drop.*did you mean 'a'"):
        prepare(DataSettings(path=path, target="y", drop=("aa",)), 0)
    with pytest.raises(DataError, match="columns a, b, z; say which one"):
        prepare(DataSettings(path=csv(tmp_path, table().rename(columns={"y": "z"}))), 0)
    assert prepare(DataSettings(path=csv(tmp_path, table())), 0).facts["target column"] == "y"


@pytest.mark.parametrize("value", [0, "same"])
def test_one_class_only_is_refused(tmp_path: Path, value) -> None:
    path = csv(tmp_path, table(y=value))
    with pytest.raises(DataError, match=f"All 100 rows of t have the one class '{value}'"):
        prepare(DataSettings(path=path, target="y", task="classify"), 0)


def test_one_class_is_told_before_columns_that_say_nothing(tmp_path: Path) -> None:
    path = csv(tmp_path, pd.DataFrame({"text": ["good"] * 30, "y": ["pos"] * 30}))
    with pytest.raises(DataError, match="All 30 rows of t have the one class 'pos'"):
        prepare(DataSettings(path=path, target="y"), 0)


def test_texts_cannot_be_regressed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds texts such as '[uv]'"):
        prepare(DataSettings(path=csv(tmp_path, table()), target="b", task="regress"), 0)


def test_label_only_in_the_test_split(tmp_path: Path) -> None:
    frame = table(y=["p", "q"] * 45 + ["r"] * 10, part=["train"] * 90 + ["test"] * 10)
    path = csv(tmp_path, frame)
    with pytest.raises(DataError, match=r"t.csv row 92 has the label 'r'.*never saw.*p, q"):
        prepare(DataSettings(path=path, target="y", split_column="part"), 0)


def test_duplicates_across_splits_are_counted(tmp_path: Path) -> None:
    frame = table(part=["train"] * 80 + ["test"] * 20)
    frame.loc[90, ["a", "b", "y"]] = frame.loc[4, ["a", "b", "y"]].tolist()
    settings = DataSettings(
        path=csv(tmp_path, frame), target="y", split_column="part", validation=0
    )
    prepared = prepare(settings, 0)
    (found,) = prepared.facts["duplicates"]
    assert (found["first"], found["second"], found["rows"]) == ("train", "test", 1)
    assert "1 row(s) of test stand in train as well" in prepared.notices[-1]


def write_pictures(root: Path, count: int = 10) -> Path:
    for k in range(count):
        for name in ("cat", "dog"):
            (root / name).mkdir(parents=True, exist_ok=True)
            pixels = RNG.integers(0, 256, (9, 9, 3), np.uint8)
            Image.fromarray(pixels).save(root / name / f"{k}.png")
    return root


@pytest.mark.parametrize("normalize", ["auto", "standard"])
def test_streamed_folder_equals_the_resident_one(tmp_path: Path, normalize: str) -> None:
    path = str(write_pictures(tmp_path / "pets"))
    resident = prepare(DataSettings(path=path, normalize=normalize), seed=3)
    streamed = prepare(DataSettings(path=path, normalize=normalize, memory=1e-7), seed=3)
    assert resident.preprocess == streamed.preprocess
    assert any("read from disk" in n for n in streamed.notices)
    for name, rows in resident.splits.items():
        stream = streamed.splits[name]
        assert isinstance(rows, Rows) and isinstance(stream, Stream)
        np.testing.assert_array_equal(stream.ids, rows.ids)
        np.testing.assert_array_equal(stream.targets["output"], rows.targets["output"])
        every = np.arange(len(rows))
        np.testing.assert_array_equal(stream.take(every).inputs["input"], rows.inputs["input"])


def test_arrays_of_all_shapes() -> None:
    labels = np.arange(40) % 2
    vectors = prepare_arrays(RNG.normal(size=(40, 5)), labels)
    assert sizes(vectors) == {"train": 32, "validation": 8} and vectors.inputs["input"] == (5,)
    grey = prepare_arrays(RNG.integers(0, 256, (40, 6, 6), np.uint8), labels)
    assert grey.inputs["input"] == (6, 6, 1)
    series = prepare_arrays(RNG.normal(size=(40, 7, 2)), labels)
    assert series.inputs["input"] == (7, 2)
    hot = prepare_arrays(RNG.normal(size=(40, 5)), np.eye(2)[labels])
    np.testing.assert_array_equal(
        hot.splits["train"].targets["output"], vectors.splits["train"].targets["output"]
    )
    column = prepare_arrays(RNG.normal(size=(40, 5)), labels[:, None])
    assert column.outputs["output"].kind == "classes"
    two = prepare_arrays(RNG.normal(size=(40, 5)), RNG.normal(size=(40, 2)))
    assert two.task == "regress" and two.outputs["output"].size == 2


@pytest.mark.parametrize("frame", [table(), pl.from_pandas(table())], ids=["pandas", "polars"])
def test_frames(frame) -> None:
    prepared = prepare_arrays(frame, "y", DataSettings(test=0.1))
    assert sizes(prepared) == {"train": 70, "validation": 20, "test": 10}
    beside = prepare_arrays(frame, np.arange(100) % 3)
    assert beside.outputs["output"].size == 3 and beside.inputs["input"] == (5,)


def test_array_weights_and_holes() -> None:
    x = RNG.normal(size=(40, 5))
    x[3, 1] = np.nan
    prepared = prepare_arrays(x, np.arange(40) % 2, weights=np.arange(40.0))
    train = prepared.splits["train"]
    np.testing.assert_array_equal(train.weights, train.ids.astype(np.float32))
    assert "1 missing or infinite value(s) in 1 row(s)" in prepared.notices[0]


def test_a_column_without_a_finite_value_is_refused() -> None:
    x = RNG.normal(size=(40, 5))
    x[:, 2] = np.nan
    with pytest.raises(DataError, match="column 2 of the array holds no finite value in its 40"):
        prepare_arrays(x, np.arange(40) % 2)


@pytest.mark.parametrize(
    ("x", "y", "weights", "message"),
    [
        (np.zeros((3, 2)), np.zeros(4), None, "3 rows of input, but 4 targets"),
        (np.zeros(3), np.zeros(3), None, r"shape \(3,\)"),
        (np.array([["a"], ["b"]]), np.zeros(2), None, "expected rows of numbers"),
        (np.eye(4), np.arange(4) % 2, np.ones(3), r"sample weights have the shape \(3,\)"),
        (np.eye(4), np.array([0.5, np.nan, 1, 2]), None, "row 1 has no usable target"),
        (np.eye(4), np.arange(4) % 2, -np.ones(4), "sample weight of row"),
    ],
)
def test_arrays_that_do_not_fit(x, y, weights, message: str) -> None:
    with pytest.raises(DataError, match=message):
        prepare_arrays(x, y, DataSettings(validation=0), weights=weights)


@pytest.mark.data
def test_real_mnist(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIMARAN_DATA", str(data_root))
    prepared = prepare(DataSettings(set="mnist"), seed=0)
    assert sizes(prepared) == {"train": 48000, "validation": 12000, "test": 10000}
    assert prepared.splits["test"].ids[0] == 60000
    assert prepared.splits["train"].inputs["input"].dtype == np.uint8
    assert prepared.facts["duplicates"] == [] and prepared.notices == ()


@pytest.mark.data
def test_real_titanic(data_root: Path) -> None:
    path = str(data_root / "titanic" / "titanic.csv")
    prepared = prepare(DataSettings(path=path, target="Survived"), seed=0)
    assert prepared.facts["columns"] == [
        *("Pclass", "Sex", "Age", "SibSp", "Parch", "Fare", "Embarked")
    ]
    counts = np.array([list(c.values()) for c in prepared.facts["classes"].values()]).sum(0)
    assert counts.tolist() == [549, 342]
    assert any("'Age' has 177 missing" in n for n in prepared.notices)


def test_pictures_with_a_value_that_is_no_number_are_named_or_left_out(tmp_path: Path) -> None:
    x = np.ones((40, 4, 4, 3), np.float32)
    x[[7, 9], 0, 0, 0] = np.nan, np.inf
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(40) % 2)
    settings = DataSettings(path=str(tmp_path / "a.npz"))
    with pytest.raises(DataError, match=r"a\.npz row 7 holds NaN or an infinite .*\(2 such row"):
        prepare(settings, 0)
    prepared = prepare(replace(settings, on_bad="drop"), 0)
    assert sum(len(rows) for rows in prepared.splits.values()) == 38
    assert "2 row(s) with NaN or infinite values are left out" in prepared.notices[0]


def test_the_row_of_an_array_without_a_target_is_named_by_its_file(tmp_path: Path) -> None:
    y = np.where(np.arange(40) == 5, np.nan, np.arange(40) % 2)
    np.savez(tmp_path / "a.npz", x=np.ones((40, 3)), y=y)
    with pytest.raises(DataError, match=r"a\.npz row 5 has no usable target"):
        prepare(DataSettings(path=str(tmp_path / "a.npz")), 0)
