"""Tables as series: times, steps, gaps and bad rows, against pandas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.hours import hourly

from trimaran.data.series import stamps
from trimaran.data.series.lines import Frame, raw_series
from trimaran.data.series.settings import SeriesSettings
from trimaran.errors import DataError, RecipeError


def read(frame: pd.DataFrame, **changes: Any):
    return raw_series(Frame("plant", frame, "plant.csv", 2), SeriesSettings(**changes))


def test_rows_are_put_in_order_and_missing_steps_are_seen() -> None:
    whole = hourly(50)
    found = read(whole.drop([7, 8, 30]).sample(frac=1, random_state=1))
    (line,) = found.lines
    assert found.step == stamps.HOUR and len(line.stamps) == 50
    assert np.isnan(line.values[[7, 8, 30]]).all() and np.isfinite(line.values[9]).all()
    expected = whole[["load", "heat"]].to_numpy()
    assert np.array_equal(np.delete(line.values, [7, 8, 30], 0), np.delete(expected, [7, 8, 30], 0))
    told = " ".join(found.notices)
    assert "put in order" in told and "3 step(s) have no row" in told


def test_a_step_averages_as_pandas_resamples() -> None:
    frame = hourly(200)
    frame["date"] += pd.to_timedelta(np.random.default_rng(3).integers(0, 3000, 200), "s")
    (line,) = read(frame, step="6h").lines
    expected = frame.set_index("date").resample("6h").mean()
    assert np.allclose(line.values, expected.to_numpy())
    assert (line.stamps == expected.index.to_numpy("datetime64[ns]").astype(np.int64)).all()


def test_each_key_is_a_series_of_its_own() -> None:
    one, two = hourly(40, 1), hourly(60, 2, "2020-02-01")
    both = pd.concat([one.assign(site="b"), two.assign(site="a")])
    found = read(both, key="site")
    assert [line.key for line in found.lines] == ["a", "b"]
    assert np.array_equal(found.lines[0].values, two[["load", "heat"]].to_numpy())
    assert [line.key for line in read(both, key="site", keys=("b",)).lines] == ["b"]


def test_targets_come_first_and_known_columns_last() -> None:
    found = read(hourly(30).assign(holiday=0.0), targets=("heat",), known=("holiday",))
    assert found.columns == ("heat", "load", "holiday")
    assert (found.targets, found.known) == (1, 1)


def test_marks_and_infinite_values_are_missing() -> None:
    frame = hourly(30)
    frame.loc[3, "load"], frame.loc[4, "heat"] = -9999, np.inf
    values = read(frame, marks=(-9999.0,)).lines[0].values
    assert np.isnan(values[3, 0]) and np.isnan(values[4, 1]) and np.isnan(values).sum() == 2


def test_other_clocks_become_utc() -> None:
    frame = hourly(30)
    frame["date"] = frame["date"].dt.strftime("%Y-%m-%dT%H:%M:%S+01:00")
    first = read(frame).lines[0].stamps[0]
    assert stamps.told(int(first), True) == "2019-12-31 23:00:00"


def test_whole_numbers_count_steps() -> None:
    frame = hourly(30).rename(columns={"date": "time"})
    frame["time"] = np.arange(30) * 5
    found = read(frame)
    assert (found.step, found.dated) == (5, False)


def _repeated(frame: pd.DataFrame) -> None:
    frame.loc[9, "date"] = frame.loc[8, "date"]


def _odd(frame: pd.DataFrame) -> None:
    frame.loc[9, "date"] += pd.Timedelta("7min")


def _no_time(frame: pd.DataFrame) -> None:
    frame["date"] = frame["date"].astype(str)
    frame.loc[9, "date"] = "soon"


def _text(frame: pd.DataFrame) -> None:
    frame["load"] = frame["load"].astype(object)
    frame.loc[9, "load"] = "n/k"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_repeated, r"plant.csv row 11: the time 2020-01-01 08:00:00 stands there twice"),
        (_odd, r"plant.csv row 11: .* is 67 minutes after the one before, but .* 1 hour"),
        (_no_time, r"plant.csv row 11: 'date' is 'soon', which is no time"),
        (_text, r"plant.csv row 11: 'load' is 'n/k', but a number is needed"),
    ],
)
def test_bad_rows_are_named(spoil: Any, told: str) -> None:
    frame = hourly(30)
    spoil(frame)
    with pytest.raises(DataError, match=told):
        read(frame, targets=("load",))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"time": "when"}, "no column 'when', which data.series.time names"),
        ({"targets": ("cold",)}, "no column 'cold', which data.series.targets names"),
        ({"key": "site"}, "no column 'site', which data.series.key names"),
        ({"targets": ("load",), "known": ("load",)}, "'load' is a target, so its future is not"),
    ],
)
def test_columns_that_are_not_there_are_named(changes: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        read(hourly(30), **changes)


@pytest.mark.parametrize("setting", ["drop", "keep"])
def test_columns_to_drop_or_keep_must_be_there(setting: str) -> None:
    frame = Frame("plant", hourly(30), "plant.csv", 2)
    with pytest.raises(DataError, match=f"no column 'haet', which data.{setting} names; it has"):
        raw_series(frame, SeriesSettings(), **{setting: ("haet",)})


def test_a_table_without_a_time_asks_for_one() -> None:
    with pytest.raises(DataError, match="name it with data.series.time=COLUMN"):
        read(hourly(30).rename(columns={"date": "when"}))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"step": "soon"}, "data.series.step is 'soon'; expected 1h, 10min, 1D or rows"),
        ({"fill": "mean"}, "data.series.fill is 'mean'; expected refuse or forward"),
        ({"horizon": 0}, "data.series.horizon is 0"),
        ({"gap": -1}, "data.series.gap is -1"),
        ({"calendar": True, "length": 5, "horizon": 6}, "a length of at least the horizon"),
        ({"calendar": True, "step": "rows"}, "which step=rows does not know"),
        ({"quantiles": (0.9, 0.1)}, "levels between 0 and 1 in rising order"),
        ({"quantiles": (0.1, 0.9)}, "without 0.5, the median, which is the point forecast"),
        ({"keys": ("a",)}, "name it with data.series.key=COLUMN"),
    ],
)
def test_settings_that_cannot_be(changes: Any, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        read(hourly(30), **changes)


def test_the_calendar_is_that_of_pandas() -> None:
    times = pd.date_range("2021-03-05 00:00", periods=400, freq="7h")
    waves = stamps.calendar(times.to_numpy("datetime64[ns]").astype(np.int64), stamps.HOUR)
    angle = 2 * np.pi * times.day_of_week.to_numpy() / 7
    assert np.allclose(waves[:, 2], np.sin(angle))
    hours = 2 * np.pi * times.hour.to_numpy() / 24
    assert np.allclose(waves[:, 1], np.cos(hours))
    assert stamps.season(stamps.HOUR, True) == 24 and stamps.season(stamps.DAY, True) == 7
