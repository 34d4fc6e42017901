"""Tables: files (CSV, TSV, JSON lines, Parquet), pandas and polars frames, mappings and lists of
them.

Every column becomes float64, bool or object (texts and None), so nothing later needs pandas.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trimaran.data.raw import RawTable
from trimaran.data.sources.delimited import read_delimited
from trimaran.data.sources.utf8 import read_utf8
from trimaran.errors import DataError

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".jsonl", ".parquet")
_EMPTY = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "#N/A")


def is_table(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES)


def read_table(path: Path) -> RawTable:
    """A CSV, TSV, JSON lines or Parquet file. Raises `DataError` naming the file and,
    if ragged, the row."""
    frame, told = read_frame(path)
    try:
        found = from_frame(frame)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    name, notices = path.name.split(".")[0], (*told, *found.notices)
    return RawTable(name, found.columns, str(path), first_row(path), _facts(path), notices)


def first_row(path: Path) -> int:
    """The number that a file's reader sees at row 0: a CSV's first line is its header."""
    return {".parquet": 0, ".jsonl": 1}.get(path.suffix.lower(), 2)


def read_frame(path: Path) -> tuple[Any, tuple[str, ...]]:
    """The same as a pandas frame, with what is unusual in it."""
    if not path.is_file():
        raise DataError(f"{path} does not exist; check the path.")
    if path.suffix.lower() == ".jsonl":
        return _json_lines(path), ()
    return (_parquet(path), ()) if path.suffix.lower() == ".parquet" else read_delimited(path)


def as_table(raw: Any) -> RawTable:
    """Raw rows in any of the forms of this module; raises `DataError` for anything else."""
    if isinstance(raw, str | Path):
        return read_table(Path(raw))
    if isinstance(raw, Mapping):
        return RawTable("table", _even({str(k): column(np.asarray(v)) for k, v in raw.items()}))
    if hasattr(raw, "columns"):
        return from_frame(raw)
    if isinstance(raw, Sequence) and raw and all(isinstance(r, Mapping) for r in raw):
        names = dict.fromkeys(str(k) for r in raw for k in r)
        return RawTable("table", {n: column(_objects([r.get(n) for r in raw])) for n in names})
    raise DataError(
        f"Table rows were expected as a frame, a mapping of columns, a list of mappings or a "
        f"file, but got {type(raw).__name__}; name the columns, for they decide what is what."
    )


def from_frame(frame: Any) -> RawTable:
    """A pandas or polars frame."""
    names = [str(n) for n in frame.columns]
    twice = [n for n in names if names.count(n) > 1]
    if twice:
        raise DataError(f"The frame has the column {twice[0]!r} twice; give each its own name.")
    found = {n: _series(frame[k]) for n, k in zip(names, frame.columns, strict=True)}
    nested = {n: kind for n, values in found.items() if (kind := _nested(values))}
    columns = {n: column(values) for n, values in found.items() if n not in nested}
    told = tuple(f"The column {n!r} is not used: it holds {kind}." for n, kind in nested.items())
    return RawTable("frame", columns, "the frame", 0, {"origin": "a data frame in memory"}, told)


def _nested(values: np.ndarray) -> str | None:
    """What a column holds instead of single values, or None."""
    kinds = {type(v) for v in values} if values.dtype == object else set()
    if any(issubclass(kind, bytes | bytearray) for kind in kinds):
        return "bytes, such as pictures in a file"
    several = (list, tuple, set, Mapping, np.ndarray)
    return "lists or records" if any(issubclass(kind, several) for kind in kinds) else None


def _series(series: Any) -> np.ndarray:
    if type(series).__module__.startswith("polars"):
        if series.dtype.is_numeric():
            return np.asarray(series.cast(_polars_float(series)).to_numpy(), np.float64)
        return (
            np.asarray(series.to_numpy())
            if series.dtype.is_temporal()
            else _objects(series.to_list())
        )
    import pandas as pd

    if pd.api.types.is_bool_dtype(series.dtype) and not series.isna().any():
        return np.asarray(series.to_numpy(dtype=bool))
    if pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series):
        return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return np.asarray(series.to_numpy(dtype="datetime64[ns]"))
    return _objects([None if v is pd.NA else v for v in series.astype(object).tolist()])


def _polars_float(series: Any) -> Any:
    import polars as pl

    return pl.Float64


def _objects(values: Sequence[Any]) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = list(values)
    return array


def column(values: np.ndarray) -> np.ndarray:
    """One column in its plain form: float64, bool, or object of texts, booleans and None.

    Dates become days since 1970. Raises `DataError` for entries that hold more than one value.
    """
    if values.ndim != 1:
        raise DataError(
            f"A table column must hold one value per row, but one has the shape {values.shape}; "
            f"give such data as an array."
        )
    kind = values.dtype.kind
    if kind in "mM":
        days = values.astype(f"{'datetime64' if kind == 'M' else 'timedelta64'}[ns]")
        known = days.astype(np.int64) / 86_400e9
        return np.where(np.isnat(days), np.nan, known)
    if kind in "uif":
        return values.astype(np.float64)
    if kind == "b":
        return values
    return _from_objects(values.tolist())


def _from_objects(values: list[Any]) -> np.ndarray:
    """Numbers if all known entries are numbers, else what stands there as text."""
    clean = [
        None if v is None or v != v or (isinstance(v, str) and v in _EMPTY) else v for v in values
    ]
    known = [v for v in clean if v is not None]
    if known and all(isinstance(v, bool | np.bool_) for v in known):
        return np.array(clean, bool) if len(known) == len(clean) else _objects(clean)
    if known and all(isinstance(v, int | float | np.number) for v in known):
        return np.array([np.nan if v is None else float(v) for v in clean])
    return _objects([None if v is None else str(v) for v in clean])


def _json_lines(path: Path) -> Any:
    """One JSON object for each row. Raises `DataError` naming the line that is none."""
    import pandas as pd

    rows = []
    for number, line in enumerate(read_utf8(path).splitlines(), 1):
        try:
            rows.append(json.loads(line) if line.strip() else {})
        except ValueError as error:
            raise DataError(f"{path} line {number} is no JSON ({error}); mend it.") from None
        if not isinstance(rows[-1], dict):
            raise DataError(f"{path} line {number} is no JSON object; write one for each row.")
    return pd.DataFrame(rows)


def _parquet(path: Path) -> Any:
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    try:
        return pq.read_table(path).to_pandas()
    except (ArrowException, OSError) as error:
        raise DataError(f"{path} is not a readable Parquet file ({error}).") from error


def _even(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"The columns have different lengths: {lengths}; every one needs the same.")
    return columns


def _facts(path: Path) -> dict[str, Any]:
    return {"origin": str(path), "licence": "your own data"}
