"""Times as whole numbers: nanoseconds since 1970 of dates, or the numbers themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from trimaran.data.series.settings import ROWS
from trimaran.data.targets import RowName
from trimaran.errors import DataError, RecipeError

DAY = 86_400 * 10**9
HOUR = 3_600 * 10**9


def parse(column: Any, row: RowName) -> tuple[np.ndarray, bool]:
    """(N,) int64 times of a pandas column, and whether they are dates. Those with an offset from
    UTC become UTC.

    Raises `DataError` for the first row whose time is missing or cannot be read.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        numbers = column.to_numpy(np.float64, na_value=np.nan)
        _refuse(~np.isfinite(numbers) | (np.mod(numbers, 1) != 0), column, row)
        return numbers.astype(np.int64), False
    try:
        found = pd.to_datetime(column, errors="coerce", utc=True, format=_format(column))
    except (ValueError, OverflowError) as error:
        raise DataError(f"The column {column.name!r} does not hold times ({error}).") from None
    _refuse(found.isna().to_numpy(), column, row)
    return found.dt.tz_localize(None).to_numpy("datetime64[ns]").astype(np.int64), True


def _format(column: Any) -> str | None:
    """ISO 8601 is read whatever its parts; other writings must all be alike."""
    first = str(column.iloc[0]) if len(column) else ""
    return "ISO8601" if first[:4].isdigit() and first[4:5] in ("-", "") else None


def _refuse(bad: np.ndarray, column: Any, row: RowName) -> None:
    if bad.any():
        at = int(np.argmax(bad))
        raise DataError(
            f"{row(at)}: {column.name!r} is {str(column.iloc[at])!r}, which is no time "
            f"({int(bad.sum())} such row(s)); write dates like 2016-07-01 00:00, all in one way."
        )


def width(text: str | None, dated: bool) -> int | None:
    """The step that a setting names, None where it names none, in the units of the times.

    Raises `RecipeError` for what is no step.
    """
    import pandas as pd

    if text in (None, ROWS):
        return None
    try:
        found = pd.Timedelta(pd.tseries.frequencies.to_offset(text)).value if dated else int(text)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        found = 0
    if found <= 0:
        example = "1h, 10min, 1D or rows" if dated else "a whole number, or rows"
        raise RecipeError(f"data.series.step is {text!r}; expected {example}.")
    return int(found)


def told(value: int, dated: bool) -> str:
    """A time as people write it."""
    return str(np.datetime64(value, "ns"))[:19].replace("T", " ") if dated else str(value)


def span(value: int, dated: bool) -> str:
    """A distance of times as people say it."""
    if not dated:
        return str(value)
    for unit, size in (("day", DAY), ("hour", HOUR), ("minute", HOUR // 60), ("second", 10**9)):
        if value % size == 0:
            return f"{value // size} {unit}{'s' if value // size > 1 else ''}"
    return f"{value / 1e9:g} seconds"


def season(step: int | None, dated: bool) -> int:
    """Steps of a day, or of a week where a step is a day; 1 where neither is clear."""
    if not dated or step is None:
        return 1
    if step == DAY:
        return 7
    return DAY // step if step < DAY and DAY % step == 0 else 1


def calendar(stamps: np.ndarray, step: int) -> np.ndarray:
    """(N, k) float64 sines and cosines of the hour, the weekday and the day of the year, in this
    order, those that change from step to step."""
    parts = [stamps % DAY / DAY] if step < DAY else []
    if step < 7 * DAY:
        parts.append((stamps // DAY + 3) % 7 / 7)  # 1970-01-01 was a Thursday
    dates = stamps.astype("datetime64[ns]")
    years = dates.astype("datetime64[Y]")
    parts.append((dates - years).astype(np.int64) / (365.2425 * DAY))
    waves = [wave(2 * np.pi * share) for share in parts for wave in (np.sin, np.cos)]
    return np.stack(waves, axis=1)
