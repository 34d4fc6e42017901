"""Saved as JSON, read back equal, applied to new raw rows in every form."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image

from trimaran.data.prepare import prepare_arrays
from trimaran.data.preprocess import Preprocess
from trimaran.data.settings import DataSettings
from trimaran.errors import DataError, RunError

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "age": RNG.normal(30, 9, 60),
        "town": RNG.choice(["Rome", "Oslo"], 60),
        "member": RNG.random(60) < 0.5,
        "bought": RNG.choice(["no", "yes"], 60),
    }
)


def tables() -> Preprocess:
    return prepare_arrays(FRAME, "bought").preprocess


def pictures(normalize: str = "standard") -> Preprocess:
    x = RNG.integers(0, 256, (40, 8, 8, 3), np.uint8)
    return prepare_arrays(x, np.arange(40) % 2, DataSettings(normalize=normalize)).preprocess


def numbers() -> Preprocess:
    return prepare_arrays(RNG.normal(size=(40, 3)) / 3, RNG.normal(size=40) * 7.1).preprocess


@pytest.mark.parametrize("make", [tables, pictures, numbers])
def test_round_trip_is_exact(make) -> None:
    fitted = make()
    again = Preprocess.from_json(json.loads(json.dumps(fitted.to_json())))
    assert again == fitted and again.to_json() == fitted.to_json()


def test_new_table_rows_in_every_form(tmp_path: Path) -> None:
    fitted = tables()
    new = FRAME.drop(columns="bought").head(4)
    new.to_csv(tmp_path / "new.csv", index=False)
    forms = [
        new,
        pl.from_pandas(new),
        new.to_dict("records"),
        {name: new[name].to_numpy() for name in new},
        tmp_path / "new.csv",
    ]
    expected = fitted.apply(new).inputs["input"]
    assert expected.shape == (4, 5) and expected.dtype == np.float32
    for form in forms:
        np.testing.assert_array_equal(fitted.apply(form).inputs["input"], expected)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"age": 3, "member": True}], "no column 'town'.*needs age, member, town"),
        ([{"age": "old", "town": "x", "member": True}], "row 0 has 'old' in the column 'age'"),
        ([{"age": 3, "town": "x", "member": "maybe"}], "row 0 has 'maybe' in the column 'member'"),
    ],
)
def test_rows_that_do_not_fit(rows: list, message: str) -> None:
    with pytest.raises(DataError, match=message):
        tables().apply(rows)


def test_missing_and_unseen_values_have_a_place() -> None:
    row = tables().apply([{"age": None, "town": "Lima", "member": None}]).inputs["input"][0]
    assert np.isfinite(row).all() and row[-1] == 1  # the unseen slot


def test_new_pictures_from_files_and_arrays(tmp_path: Path) -> None:
    fitted = pictures()
    image = RNG.integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    for form in (image, image[None], tmp_path / "a.png", [tmp_path / "a.png"], tmp_path, [image]):
        rows = fitted.apply(form)
        np.testing.assert_array_equal(rows.inputs["input"], image[None])
        assert rows.affine == fitted.affine() and len(rows.affine["input"].scale) == 3
    (tmp_path / "b.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"b.png is not a readable picture.*\(1 of 2 files\)"):
        fitted.apply(tmp_path)
    with pytest.raises(DataError, match="no picture and no folder"):
        fitted.apply(tmp_path / "none")


def test_predictions_come_back_in_the_terms_of_the_data() -> None:
    assert tables().decode(np.array([1, 0])).tolist() == ["yes", "no"]
    assert tables().encode(["yes"]).tolist() == [1]
    fitted = numbers()
    target = fitted.outputs["output"]
    np.testing.assert_allclose(fitted.decode(np.zeros((2, 1))), target.center[0])


def test_arrays_of_another_width() -> None:
    with pytest.raises(DataError, match=r"shape \(4,\), but the model was trained on \(3,\)"):
        numbers().apply(np.zeros((2, 4)))


def test_foreign_files_are_refused() -> None:
    with pytest.raises(RunError, match="version 7, expected 1"):
        Preprocess.from_json({"version": 7})
    with pytest.raises(RunError, match="damaged at 'outputs'"):
        Preprocess.from_json({"version": 1, "inputs": {}})
