"""Windows in time: what goes in, what is to be told, what nobody may know; planted leaks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler
from tests.hours import hourly

from trimaran.data.batches import Rows
from trimaran.data.prepared import Prepared
from trimaran.data.preprocess import Preprocess
from trimaran.data.series.lines import Frame
from trimaran.data.series.prepare import prepare_series
from trimaran.data.series.settings import SeriesSettings
from trimaran.data.series.windows import every_window, refuse_overlap
from trimaran.data.settings import DataSettings
from trimaran.errors import DataError, RecipeError


def prepared(frame: pd.DataFrame, **changes: Any) -> Prepared:
    whole = {"length": 12, "horizon": 4, **changes}
    keep = tuple(whole.pop("keep", ()))
    settings = DataSettings(path="plant.csv", validation=0.25, keep=keep, series=_series(whole))
    return prepare_series(Frame("plant", frame, "plant.csv", 2), settings, 0.2)


def _series(values: dict[str, Any]) -> SeriesSettings:
    return SeriesSettings(**values)


def shown(found: Prepared, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets in the data's units."""
    target, rows = found.preprocess.outputs["output"], found.splits[split]
    assert isinstance(rows, Rows)
    count = len(target.names)
    past = target.decode_columns(rows.inputs["input"][..., :count])
    return past, target.decode_columns(rows.targets["output"])


def test_windows_are_the_rows_of_the_table_in_their_order() -> None:
    frame = hourly(100)
    values = frame[["load", "heat"]].to_numpy()
    found = prepared(frame)
    starts = {"train": (12, 60), "validation": (60, 80), "test": (80, 100)}
    for split, (first, end) in starts.items():
        past, ahead = shown(found, split)
        assert len(past) == end - first - 4 + 1
        for k in range(len(past)):
            assert np.allclose(past[k], values[first + k - 12 : first + k], atol=1e-5)
            assert np.allclose(ahead[k], values[first + k : first + k + 4], atol=1e-5)


def test_the_scale_is_that_of_the_training_rows() -> None:
    frame = hourly(100)
    field = prepared(frame).preprocess.inputs["input"]
    oracle = StandardScaler().fit(frame[["load", "heat"]].to_numpy()[:60])
    assert np.allclose(field.center, oracle.mean_) and np.allclose(field.scale, oracle.scale_)


def test_the_future_changes_nothing_that_training_sees() -> None:
    frame, other = hourly(100), hourly(100)
    other.loc[60:, ["load", "heat"]] *= -1000
    one, two = prepared(frame), prepared(other)
    assert one.preprocess == two.preprocess
    for kind in ("inputs", "targets"):
        for name, values in getattr(one.splits["train"], kind).items():
            assert (values == getattr(two.splits["train"], kind)[name]).all()


def test_a_gap_is_forecast_by_nobody() -> None:
    found = prepared(hourly(100), gap=6)
    target = found.preprocess.outputs["output"]
    last = {name: int(target.times(rows.ids).max()) + 3 for name, rows in found.splits.items()}
    first = {name: int(target.times(rows.ids).min()) for name, rows in found.splits.items()}
    assert first["validation"] - last["train"] == 7 == first["test"] - last["validation"]
    oracle = hourly(100)["load"].to_numpy()[:54]
    assert np.isclose(found.preprocess.inputs["input"].center[0], oracle.mean())


def test_planted_windows_of_another_time_are_caught() -> None:
    found = prepared(hourly(100))
    target = found.preprocess.outputs["output"]
    refuse_overlap(found.splits, target)
    shuffled = np.random.default_rng(0).permutation(100)[: len(found.splits["train"])]
    leaky = replace(found.splits["train"], ids=shuffled)
    with pytest.raises(DataError, match="Windows of validation forecast steps that train has"):
        refuse_overlap({**found.splits, "train": leaky}, target)
    near = replace(found.splits["train"], ids=found.splits["train"].ids + 1)
    with pytest.raises(DataError, match="split series in time"):
        refuse_overlap({**found.splits, "train": near}, target)


@pytest.mark.parametrize("lag", [1, 4])
def test_a_planted_column_of_the_future_is_caught(lag: int) -> None:
    frame = hourly(200)
    frame["plan"] = 2 * frame["load"].shift(-lag).ffill() - 7
    told = f"'plan' gives the future away: it says exactly what 'load' is {lag} step"
    with pytest.raises(DataError, match=told):
        prepared(frame, targets=("load",))
    assert len(prepared(frame, targets=("load",), keep=("plan",)).splits["train"])


def test_a_planted_covariate_that_is_the_target_is_caught() -> None:
    frame = hourly(200).assign(told=lambda f: f["load"])
    with pytest.raises(DataError, match="what 'load' is at the same step"):
        prepared(frame, targets=("load",), known=("told",))
    past = hourly(200).assign(before=lambda f: f["load"].shift(3).bfill())
    assert len(prepared(past, targets=("load",)).splits["train"])


def test_what_is_known_ahead_stands_a_horizon_early() -> None:
    frame = hourly(100).assign(holiday=np.arange(100.0) % 7 == 0)
    frame["holiday"] = frame["holiday"].astype(float)
    found = prepared(frame, targets=("load",), known=("holiday",), calendar=True)
    field = found.preprocess.inputs["input"]
    assert field.shape == (12, 2 + 1 + 6)
    rows = found.splits["train"].inputs["input"]
    holiday = rows[..., 2] * field.scale[2] + field.center[2]
    for k in range(len(rows)):
        assert np.allclose(holiday[k], frame["holiday"][k + 4 : k + 16], atol=1e-5)
    hours = frame["date"].dt.hour.to_numpy()[4:16]
    assert np.allclose(rows[0, :, 3], np.sin(2 * np.pi * hours / 24), atol=1e-6)


def test_gaps_are_refused_or_filled_from_the_past_alone() -> None:
    frame = hourly(100)
    frame.loc[30:31, "load"] = np.nan
    with pytest.raises(DataError, match=r"no 'load' at 2020-01-02 06:00:00 \(2 missing value"):
        prepared(frame)
    found = prepared(frame, fill="forward")
    past, ahead = shown(found, "train")
    times = found.preprocess.outputs["output"].times(found.splits["train"].ids).tolist()
    assert set(range(12, 57)) - set(times) == set(range(27, 32))
    window = past[times.index(35)][:, 0]
    assert np.allclose(window[[7, 8]], frame["load"][29], atol=1e-5)
    assert np.isfinite(ahead).all()
    assert "5 of train window(s) that would have to forecast them are left out" in found.notices[-1]


def test_gaps_of_new_rows_are_treated_as_those_of_training() -> None:
    frame = hourly(60)
    frame.loc[30, "load"] = np.nan
    strict = prepared(hourly(100)).preprocess.inputs["input"]
    with pytest.raises(DataError, match=r"no 'load' at 2020-01-02 06:00:00 \(1 missing value"):
        strict.read(frame)
    assert len(prepared(hourly(100), fill="forward").preprocess.inputs["input"].read(frame).lines)


@pytest.mark.parametrize("name", ["split_column", "group", "weights", "limit"])
def test_settings_that_series_do_not_have_are_refused(name: str) -> None:
    settings = DataSettings(path="plant.csv", **{name: 5 if name == "limit" else "site"})  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match=f"data.{name} is set, but series are split in time"):
        prepare_series(Frame("plant", hourly(100), "plant.csv", 2), settings, 0.2)


@pytest.mark.parametrize("name", ["length", "stride"])
def test_settings_of_texts_name_those_of_series(name: str) -> None:
    settings = DataSettings(path="plant.csv", **{name: 12})  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match=f"for series set data.series.{name}"):
        prepare_series(Frame("plant", hourly(100), "plant.csv", 2), settings, 0.2)


def test_parts_of_a_set_hold_whatever_else_is_asked() -> None:
    frame = Frame("plant", hourly(100), "plant.csv", 2, parts=(60, 20, 20))
    settings = DataSettings(path="plant.csv", test=0.4, series=_series({"length": 12}))
    short = replace(settings, series=replace(settings.series, horizon=4))
    found = prepare_series(frame, short, 0.4)
    assert "data.test=0.4 is not used: plant has its own test split." in found.notices
    assert len(found.splits["test"]) == 17
    other = replace(short, series=replace(short.series, step="2h"))
    with pytest.raises(RecipeError, match="the parts of plant are counted in its own steps"):
        prepare_series(frame, other, 0.4)


def test_one_target_may_be_named_as_of_any_table() -> None:
    settings = DataSettings(path="plant.csv", target="heat", series=_series({"length": 12}))
    found = prepare_series(Frame("plant", hourly(300), "plant.csv", 2), settings, 0.2)
    assert found.preprocess.outputs["output"].names == ("heat",)
    assert found.preprocess.inputs["input"].columns == ("heat", "load")


def test_returns_are_logarithms_of_ratios() -> None:
    frame = hourly(100)
    found = prepared(frame, returns=True)
    _, ahead = shown(found, "test")
    oracle = np.log(frame["load"]).diff().to_numpy()
    assert np.allclose(ahead[0, :, 0], oracle[80:84], atol=1e-5)
    frame.loc[5, "load"] = 0
    with pytest.raises(DataError, match="'load' holds a value of 0 or less"):
        prepared(frame, returns=True)


def test_several_series_are_cut_at_the_same_time() -> None:
    both = pd.concat([hourly(100, 1).assign(site="a"), hourly(80, 2).assign(site="b")])
    found = prepared(both, key="site")
    target = found.preprocess.outputs["output"]
    train, test = found.splits["train"], found.splits["test"]
    assert target.times(train.ids).max() + 4 == 60 and len(train) == 2 * 45
    assert (test.ids % 2 == 0).all() and target.times(test.ids).min() == 80


def test_a_stride_that_hides_hours_is_told() -> None:
    found = prepared(hourly(200), stride=6)
    starts = found.preprocess.outputs["output"].times(found.splits["train"].ids)
    assert len(set((starts % 24).tolist())) == 4 and (np.diff(starts) == 6).all()
    assert "begin at 4 of the 24 steps of a season only" in found.notices[-1]
    assert prepared(hourly(200), stride=7).notices == ()


def test_what_was_fitted_is_saved_whole() -> None:
    found = prepared(hourly(100), calendar=True, quantiles=(0.1, 0.5, 0.9))
    text = json.dumps(found.preprocess.to_json())
    assert Preprocess.from_json(json.loads(text)) == found.preprocess


def test_mase_divides_by_the_seasonal_error_of_training() -> None:
    frame = hourly(100)
    target = prepared(frame).preprocess.outputs["output"]
    train = frame["load"].to_numpy()[:60]
    assert target.season == 24
    assert np.isclose(target.errors[0], np.abs(train[24:] - train[:-24]).mean())


def test_new_rows_give_the_last_window_and_the_steps_after_it() -> None:
    from trimaran.data.series.latest import latest

    field = prepared(hourly(100)).preprocess.inputs["input"]
    new = hourly(40, 9, "2021-05-01").sample(frac=1, random_state=0)
    found = latest(field, field.read(new))
    values = hourly(40, 9)[["load", "heat"]].to_numpy()[-12:]
    assert np.allclose(found.windows[0] * field.scale + field.center, values, atol=1e-5)
    ahead = pd.to_datetime(found.stamps[0])
    assert list(ahead) == list(pd.date_range("2021-05-02 16:00", periods=4, freq="h"))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda f: f[:11], "plant|frame has 11 known steps, but a window takes 12"),
        (lambda f: f.drop(columns="heat"), "lacks the column 'heat' that this run reads"),
        (lambda f: f.iloc[::2], "a row each 2 hours, but this run learned from a row each 1 hour"),
    ],
)
def test_new_rows_that_do_not_fit_are_told(spoil: Any, told: str) -> None:
    from trimaran.data.series.latest import latest

    field = prepared(hourly(100)).preprocess.inputs["input"]
    with pytest.raises(DataError, match=told):
        latest(field, field.read(spoil(hourly(60))))


def test_new_rows_may_hold_their_columns_in_another_order() -> None:
    frame = hourly(100).assign(wind=lambda f: f["heat"] ** 2)
    field = prepared(frame, targets=("load",)).preprocess.inputs["input"]
    raw = field.read(frame[["wind", "date", "heat", "load"]])
    assert raw.columns == field.columns == ("load", "heat", "wind")
    assert np.array_equal(raw.lines[0].values, frame[["load", "heat", "wind"]].to_numpy())


@pytest.mark.parametrize(("learned", "new"), [("ab", "abc"), ("abc", "a")])
def test_other_numbers_of_series_keep_their_times(learned: str, new: str) -> None:
    """Intervals are made of the means per time, so windows of one time must share it."""

    def sites(names: str, rows: int) -> pd.DataFrame:
        return pd.concat([hourly(rows, k).assign(site=name) for k, name in enumerate(names)])

    found = prepared(sites(learned, 100), key="site").preprocess
    target = found.outputs["output"]
    rows = every_window(found.inputs["input"], target, sites(new, 40))
    assert target.times(rows.ids).tolist() == [*range(12, 37)] * len(new)


def test_an_empty_cell_of_what_is_known_ahead_is_refused() -> None:
    frame = hourly(104).assign(price=lambda f: np.cos(np.arange(len(f)) ** 1.5))
    field = prepared(frame, targets=("load",), known=("price",)).preprocess.inputs["input"]
    frame.loc[100:, ["load", "heat"]] = np.nan
    frame.loc[102, "price"] = np.nan
    with pytest.raises(DataError, match=r"no 'price' at 2020-01-05 06:00:00 \(1 missing"):
        field.read(frame)


def test_the_future_of_known_columns_must_be_there() -> None:
    frame = hourly(104).assign(price=lambda f: np.cos(np.arange(len(f)) ** 1.5))
    field = prepared(frame, targets=("load",), known=("price",)).preprocess.inputs["input"]
    from trimaran.data.series.latest import latest

    with pytest.raises(DataError, match="give the 4 rows of the future with price and empty"):
        latest(field, field.read(frame))
    frame.loc[100:, ["load", "heat"]] = np.nan
    window = latest(field, field.read(frame)).windows[0]
    ahead = window[:, 2] * field.scale[2] + field.center[2]
    assert np.allclose(ahead, frame["price"][92:104], atol=1e-5)


def test_a_series_that_is_too_short_is_told() -> None:
    with pytest.raises(DataError, match=r"train part has no window .* too short"):
        prepared(hourly(30), horizon=8)
