"""Tables with a time: your own file or frame, and named ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trimaran.data.series.lines import Frame
from trimaran.data.sources.download import Pinned, Progress
from trimaran.data.sources.named import NamedSet, locate
from trimaran.data.sources.table import is_table, read_frame
from trimaran.errors import DataError

_ETT = "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main/ETT-small"


@dataclass(frozen=True)
class SeriesSet:
    """A named table with a time, in the folder `entry.name`; `parts` are the steps of training,
    validation and test that everybody uses."""

    entry: NamedSet
    parts: tuple[int, ...] = ()
    change: Callable[[Any], Any] = field(default=lambda frame: frame)


def _ett(name: str, size: int, sha256: str) -> SeriesSet:
    """12, 4 and 4 months of 30 days, in hours (Zhou et al., AAAI 2021)."""
    file = f"{name}.csv"
    entry = NamedSet(
        name="ett",
        classes=(),
        files=(Pinned(file, size, sha256),),
        mirrors=(_ETT,),
        origin=f"{name}: transformer oil temperature and loads (Zhou et al. 2021)",
        licence="CC BY-ND 4.0",
        layouts=((file,),),
    )
    return SeriesSet(entry, (12 * 30 * 24, 4 * 30 * 24, 4 * 30 * 24))


SERIES = {
    "etth1": _ett(
        "ETTh1", 2589657, "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066"
    ),
    "etth2": _ett(
        "ETTh2", 2417960, "a3dc2c597b9218c7ce1cd55eb77b283fd459a1d09d753063f944967dd6b9218b"
    ),
}


def load_series(name: str, progress: Progress | None) -> Frame:
    """A named table with a time."""
    chosen = SERIES[name]
    found = locate(chosen.entry, progress)
    frame, notices = read_frame(found.paths[0])
    facts = {
        "origin": chosen.entry.origin,
        "licence": chosen.entry.licence,
        "source": found.how,
    }
    where, first = str(found.paths[0]), 2
    return Frame(name, chosen.change(frame), where, first, facts, notices, chosen.parts)


def read_series(path: Path) -> Frame:
    """Your own file. Raises `DataError` naming the file and, if ragged, the row."""
    frame, notices = read_frame(path)
    first = 0 if path.name.lower().endswith(".parquet") else 2
    facts = {"origin": str(path), "licence": "your own data"}
    return Frame(path.name.split(".")[0], frame, str(path), first, facts, notices)


def as_frame(given: Any) -> Frame:
    """A file's, a pandas or polars frame's, or a mapping's rows; `DataError` for others."""
    import pandas as pd

    if isinstance(given, str | Path):
        path = Path(given).expanduser()
        if not is_table(path):
            raise DataError(f"{path} is no table; this run forecasts from a .csv or .parquet file.")
        return read_series(path)
    if hasattr(given, "to_pandas"):
        given = given.to_pandas()
    try:
        return Frame("frame", pd.DataFrame(given), "the frame")
    except (ValueError, TypeError) as error:
        raise DataError(f"A table with a time was expected, but got this ({error}).") from None
