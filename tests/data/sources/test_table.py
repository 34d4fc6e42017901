"""Tables from files and frames: types, missing values, and rows that are named when wrong."""

import csv
import datetime
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from trimaran.data.sources.table import as_table, column, read_table
from trimaran.errors import DataError


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


CSV = 'age,sex,alive,town\n22,male,True,"Paris, TX"\n,female,False,NA\n31.5,male,True,Rome\n'


def test_json_lines_are_rows(tmp_path: Path) -> None:
    lines = '{"text": "fine", "stars": 4}\n{"text": "dull", "stars": null}\n'
    table = read_table(write(tmp_path / "rows.jsonl", lines))
    assert table.columns["text"].tolist() == ["fine", "dull"]
    np.testing.assert_array_equal(table.columns["stars"], [4, np.nan])
    assert table.row(1).endswith("rows.jsonl row 2")
    for line, why in (("{oops", "line 2 is no JSON"), ("[1]", "line 2 is no JSON object")):
        with pytest.raises(DataError, match=why):
            read_table(write(tmp_path / "bad.jsonl", f'{{"a": 1}}\n{line}\n'))


def check(columns: dict[str, np.ndarray]) -> None:
    np.testing.assert_array_equal(columns["age"], [22, np.nan, 31.5])
    assert columns["sex"].tolist() == ["male", "female", "male"]
    assert columns["alive"].dtype == bool and columns["alive"].tolist() == [True, False, True]
    assert columns["town"].tolist() == ["Paris, TX", None, "Rome"]


@pytest.mark.parametrize("form", ["csv", "csv.gz", "tsv", "bom", "parquet", "pandas", "polars"])
def test_every_form_gives_the_same_columns(tmp_path: Path, form: str) -> None:
    path = write(tmp_path / "a.csv", CSV)
    frame = pd.read_csv(path)
    if form == "pandas":
        table = as_table(frame)
    elif form == "polars":
        table = as_table(pl.from_pandas(frame))
    elif form == "csv.gz":
        (tmp_path / "b.csv.gz").write_bytes(gzip.compress(CSV.encode()))
        table = read_table(tmp_path / "b.csv.gz")
    elif form == "tsv":
        tabs = CSV.replace('"Paris, TX"', "Paris; TX").replace(",", "\t").replace(";", ",")
        table = read_table(write(tmp_path / "b.tsv", tabs))
    elif form == "bom":
        table = read_table(write(tmp_path / "b.csv", "\ufeff" + CSV))
    elif form == "parquet":
        frame.to_parquet(tmp_path / "b.parquet")
        table = read_table(tmp_path / "b.parquet")
    else:
        table = read_table(path)
    assert list(table.columns) == ["age", "sex", "alive", "town"]
    check(dict(table.columns))


def test_a_value_may_be_a_whole_document(tmp_path: Path) -> None:
    limit, document = csv.field_size_limit(), "word " * 40_000
    table = read_table(write(tmp_path / "a.csv", f"text,label\n{document},pos\nshort,neg\n"))
    assert table.columns["text"].tolist() == [document, "short"]
    assert csv.field_size_limit() == limit < len(document)


def test_rows_are_named_as_the_file_shows_them(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", CSV)
    assert read_table(path).row(0) == f"{path} row 2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3\n", r"row 3 has 1 values, but the header has 2 columns"),
        ("a,b\n1,2\n3,4,5\n", r"row 3 has 3 values, but the header has 2 columns"),
        ("", "is empty; expected a header"),
        ("a,b,a\n1,2,3\n", "row 1 names the column 'a' twice"),
        ('a,b\n1,"2\n', "cannot be read after row 1 .unexpected end of data"),
    ],
)
def test_ragged_and_broken_files(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "bad.csv", text)
    with pytest.raises(DataError, match=message) as caught:
        read_table(path)
    assert str(path) in str(caught.value)


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes(b"a,b\n\xff\xfe,1\n")
    (tmp_path / "p.parquet").write_bytes(b"PAR1 no")
    for name in ("l.csv", "p.parquet"):
        with pytest.raises(DataError, match=name):
            read_table(tmp_path / name)
    with pytest.raises(DataError, match="does not exist"):
        read_table(tmp_path / "none.csv")


def test_mappings_and_rows() -> None:
    by_column = as_table({"a": [1, 2], "b": ["x", None]})
    by_row = as_table([{"a": 1, "b": "x"}, {"a": 2}])
    for table in (by_column, by_row):
        assert table.columns["a"].tolist() == [1.0, 2.0]
        assert table.columns["b"].tolist() == ["x", None]
    with pytest.raises(DataError, match="different lengths"):
        as_table({"a": [1], "b": [1, 2]})
    with pytest.raises(DataError, match="got int"):
        as_table(3)


def test_nullable_and_dates() -> None:
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None], dtype="Int64"),
            "flag": pd.array([True, None], dtype="boolean"),
            "day": pd.to_datetime(["1970-01-03", None]),
            "kind": pd.Categorical(["a", None]),
        }
    )
    table = as_table(frame)
    np.testing.assert_array_equal(table.columns["n"], [1, np.nan])
    assert table.columns["flag"].tolist() == [True, None]
    np.testing.assert_array_equal(table.columns["day"], [2, np.nan])
    assert table.columns["kind"].tolist() == ["a", None]
    polar = as_table(pl.DataFrame({"day": [datetime.date(1970, 1, 3), None], "n": [1, None]}))
    np.testing.assert_array_equal(polar.columns["day"], [2, np.nan])
    np.testing.assert_array_equal(polar.columns["n"], [1, np.nan])


def test_columns_of_arrays_are_refused() -> None:
    with pytest.raises(DataError, match=r"one value per row, but one has the shape \(2, 2\)"):
        column(np.zeros((2, 2)))
    with pytest.raises(DataError, match="'a' twice"):
        as_table(pd.DataFrame([[1, 2]], columns=["a", "a"]))


EUROPEAN = "größe;name;y\n1,5;a;0\n2;b;1\n-0,25;c;0\n"


def test_a_spreadsheet_of_europe_is_read_as_it_is_and_told(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", EUROPEAN))
    np.testing.assert_array_equal(table.columns["größe"], [1.5, 2.0, -0.25])
    assert table.columns["name"].tolist() == ["a", "b", "c"]
    assert table.notices == (
        "a.csv is read as it is found: its values are separated by ';', its numbers have a "
        "decimal comma.",
    )


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a;b\n1.5;2\n", [[1.5], [2.0]]),  # a decimal point stays one
        ("a;b\n1,5;2.5\n", [["1,5"], [2.5]]),  # both: no comma is taken for a decimal one
        ("a\tb\n1\t2\n", [[1.0], [2.0]]),
        ("a|b\n1|2\n", [[1.0], [2.0]]),
        ("a;x,b\n1,2\n", [[1.0], [2.0]]),  # a header that commas split is split by commas
        ("alone\n1\n", [[1.0]]),
    ],
)
def test_the_separator_is_found_out(tmp_path: Path, text: str, columns: list[list[object]]) -> None:
    found = read_table(write(tmp_path / "a.csv", text)).columns
    assert [values.tolist() for values in found.values()] == columns


def test_the_unicode_text_of_excel_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("café\tn\nà\t1\n", encoding="utf-16")
    table = read_table(path)
    assert {n: v.tolist() for n, v in table.columns.items()} == {"café": ["à"], "n": [1.0]}
    assert "UTF-16" in table.notices[0]


def test_the_row_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("a,b\n1,x\n2,café\n".encode("latin-1"))
    with pytest.raises(
        DataError, match=r"a\.csv row 3 is not UTF-8 text \(byte 0xe9, after '2,caf'"
    ):
        read_table(path)


def test_columns_of_bytes_and_lists_are_left_out_and_told(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    frame = pd.DataFrame({"n": [1, 2], "image": [b"\x89PNG", None], "l": [[1, 2], [3, 4]]})
    frame["r"] = [{"a": 1}, {"a": 2}]
    frame.to_parquet(path)
    table = read_table(path)
    assert list(table.columns) == ["n"]
    assert [told.split(" is not used")[0] for told in table.notices] == [
        "The column 'image'", "The column 'l'", "The column 'r'",
    ]  # fmt: skip
