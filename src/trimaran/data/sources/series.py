"""Tables with a time: your own file or frame, and named ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimaran.data.series.lines import Frame
from trimaran.data.sources.download import Pinned, Progress
from trimaran.data.sources.named import NamedSet, locate
from trimaran.data.sources.table import first_row, is_table, read_frame
from trimaran.errors import DataError

_ETT = "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main/ETT-small"


@dataclass(frozen=True)
class SeriesSet:
    """A named table with a time, in the folder `entry.name`; `parts` are the steps of training,
    validation and test that everybody uses."""

    entry: NamedSet
    parts: tuple[int, ...] = ()


def _set(
    folder: str, file: Pinned, about: tuple[str, str], mirrors: tuple[str, ...] = ()
) -> NamedSet:
    """One file of a folder; `about` are origin and licence."""
    return NamedSet(folder, (), (file,), mirrors, about[0], about[1], ((file.name,),))


def _ett(name: str, size: int, sha256: str) -> SeriesSet:
    """12, 4 and 4 months of 30 days, in hours (Zhou et al., AAAI 2021)."""
    origin = f"{name}: transformer oil temperature and loads (Zhou et al. 2021)"
    file = Pinned(f"{name}.csv", size, sha256)
    months = (12 * 30 * 24, 4 * 30 * 24, 4 * 30 * 24)
    return SeriesSet(_set("ett", file, (origin, "CC BY-ND 4.0"), (_ETT,)), months)


SERIES = {
    "etth1": _ett(
        "ETTh1", 2589657, "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066"
    ),
    "etth2": _ett(
        "ETTh2", 2417960, "a3dc2c597b9218c7ce1cd55eb77b283fd459a1d09d753063f944967dd6b9218b"
    ),
    "aep-load": SeriesSet(
        _set(
            "electricity",
            Pinned(
                "AEP_hourly.csv.gz",
                608225,
                "7516b61e8bef0f58ee636a14e08fbc287689db4d9d199d3a7e1f0a0727827c6b",
            ),
            ("hourly load of American Electric Power, 2004 to 2018 (PJM)", "CC0"),
        )
    ),
    "sp500": SeriesSet(
        _set(
            "stocks-sp500",
            Pinned(
                "sp500_100tickers_2013_2018.parquet",
                2039137,
                "37dee748e160c88512ea9aa042b3074fc8015b73718668161ea172e24ccde149",
            ),
            ("daily prices of 100 tickers of the S&P 500, 2013 to 2018 (Kaggle sandp500)", "CC0"),
        )
    ),
    "jena-weather": SeriesSet(
        _set(
            "weather-jena2020",
            Pinned(
                "weather.csv.gz",
                2275774,
                "538b74a3db28c695f596cdcd0a774b0b541f46b2470871e2356edcfa70ef36a7",
            ),
            ("weather station of the MPI for Biogeochemistry, Jena, 2020", "not stated"),
        )
    ),
}
"""Name -> set. Those without a mirror must lie in $TRIMARAN_DATA."""


def load_series(name: str, progress: Progress | None) -> Frame:
    """A named table with a time."""
    chosen = SERIES[name]
    found = locate(chosen.entry, progress)
    frame, notices = read_frame(found.paths[0])
    facts = found.facts(chosen.entry)
    where = str(found.paths[0])
    return Frame(name, frame, where, first_row(found.paths[0]), facts, notices, chosen.parts)


def read_series(path: Path) -> Frame:
    """Your own file. Raises `DataError` naming the file and, if ragged, the row."""
    frame, notices = read_frame(path)
    facts = {"origin": str(path), "licence": "your own data"}
    return Frame(path.name.split(".")[0], frame, str(path), first_row(path), facts, notices)


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
