"""A series from its file to scores beside baselines, a report, new forecasts, and a picture."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.hours import hourly

from trimaran import workflow
from trimaran.cli import main
from trimaran.data.look import look
from trimaran.data.prepare import prepare
from trimaran.errors import RecipeError
from trimaran.recipe import load
from trimaran.report.fan import HIGH, fan
from trimaran.report.svg import BOTTOM, TOP
from trimaran.runs import RunFiles

FAST = {"epochs": 2, "batch_size": 16, "threads": 1, "seed": 0}


def trained(folder: Path, series: dict[str, Any], frame: pd.DataFrame, zoo: str) -> RunFiles:
    path = folder / "plant.csv"
    frame.to_csv(path, index=False)
    values = {
        "name": "plant",
        "task": "forecast",
        "data": {"path": str(path), "series": {"length": 24, "horizon": 6, **series}},
        "model": {"zoo": zoo},
        "training": FAST | {"optimizer": {"name": "adam", "learning_rate": 1e-2}},
    }
    return workflow.run(load(values), workflow.Options(out=folder / "run")).run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    folder = tmp_path_factory.mktemp("forecast")
    return trained(folder, {"quantiles": [0.1, 0.5, 0.9]}, hourly(400), "dlinear")


def test_baselines_stand_beside_the_network_wherever_it_is_judged(run: RunFiles) -> None:
    names = {"naive", "seasonal_naive", "ridge"}
    found = json.loads((run.path / "scores.json").read_text())["splits"]["test"]
    assert set(found["baselines"]) == names == set(found["against"])
    assert {"mase", "mse_standardized", "smape", "coverage_80", "pinball_standardized"} <= set(
        found["metrics"]
    )
    page, card = run.report.read_text(), (run.path / "README.md").read_text()
    assert found["verdict"] in card and found["verdict"] in page
    assert all(name.replace("_", " ") in page for name in names)
    assert "what came" in page and "MSE by steps ahead" in page
    assert "pipeline_tag: time-series-forecasting" in card
    assert found["verdict"] in repr(run.scores)


def test_scoring_again_gives_the_same(run: RunFiles) -> None:
    again = workflow.evaluate(run)
    assert again.raw["splits"]["test"] == run.scores.raw["splits"]["test"]


def test_scores_are_those_of_the_predictions(run: RunFiles) -> None:
    """The last window of the whole table, forecast from the rows before it alone."""
    frame = hourly(400)
    told = workflow.predict(run, frame[:394])
    assert told.names == ("load", "heat") and told.values.shape == (1, 6, 2)
    assert told.times[0] == tuple(frame["date"][394:].dt.strftime("%Y-%m-%d %H:%M:%S"))
    table = run.path.parent / "last.csv"
    frame[370:].to_csv(table, index=False)
    error = np.abs(told.values[0] - frame[["load", "heat"]].to_numpy()[394:]).mean()
    scored = workflow.evaluate(run, table)["data"]["mae"]["value"]
    assert scored == pytest.approx(error, rel=1e-5)
    assert (np.diff(told.levels, axis=-1) >= 0).all()


def test_the_command_line_gives_a_table_and_a_picture(
    run: RunFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    past, picture = tmp_path / "past.csv", tmp_path / "ahead.svg"
    hourly(60).to_csv(past, index=False)
    assert main(["predict", str(run.path), "--csv", str(past), "--picture", str(picture)]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["step"] for row in rows] == list("123456")
    assert rows[0]["time"] == "2020-01-03 12:00:00"
    low, high = float(rows[0]["load q0.1"]), float(rows[0]["load q0.9"])
    assert low <= float(rows[0]["load"]) <= high
    text = picture.read_text()
    assert text.startswith("<svg") and text.count('<polygon class="band"') == 2
    assert ">2020-01-02 18:00</text>" in text and ">2020-01-03 17:00</text>" in text


def test_returns_are_told_with_the_level_that_they_make(tmp_path: Path) -> None:
    frame = pd.concat([hourly(200, 1).assign(site="a"), hourly(200, 2).assign(site="b")])
    series = {"returns": True, "key": "site", "step": "rows"}
    run = trained(tmp_path, series, frame, "returns-lstm")
    told = workflow.predict(run, frame)
    last = frame.groupby("site").last()["load"].to_numpy()
    expected = last[:, None] * np.exp(np.cumsum(told.values[..., 0], axis=1))
    assert np.allclose(told.prices[..., 0], expected, rtol=1e-5)
    assert told.keys == ("a", "b") and told.times[0] == ("1", "2", "3", "4", "5", "6")
    assert told.before[1][0] == "-23" and told.before[1][-1] == "0"
    page = run.report.read_text()
    assert "a, load, window 1\n" in page and "b, load, window 4\n" in page
    assert "random_walk" in run.scores.raw["splits"]["test"]["baselines"]
    assert "load level" in told.rows()[0]


def test_your_own_table_needs_no_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.csv"
    hourly(300).to_csv(path, index=False)
    words = ["data.series.time=date", "data.series.length=24", "training.epochs=1"]
    assert main(["train", "--data", str(path), *words, "--out", str(tmp_path / "run")]) == 0
    told = capsys.readouterr()
    assert "load, heat are forecast 24 steps ahead from windows of 24" in told.err
    assert "seasonal naive" in told.out and "The network" in told.out
    assert (tmp_path / "run" / "report.html").is_file()


def test_a_setting_of_series_is_enough_and_a_target_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    hourly(300).to_csv(path, index=False)
    block = {"path": str(path), "target": "load", "series": {"targets": ["load"]}}
    settings = load({"data": block, "model": {"zoo": "dlinear"}}).data_settings()
    found = look(path, "load", settings)
    assert found.task == "forecast" and found.details["columns"] == ["load"]
    assert found.settings.series.targets == ("load",)
    assert prepare(settings, 0).task == "forecast"


def test_the_picture_draws_the_median() -> None:
    """Above 0.5 stand two quantiles, below it one: the line is not the middle of the four."""
    levels = np.array([0.0, 5.0, 6.0, 10.0]) + np.zeros((1, 3, 1, 4))
    past, times = np.full((1, 9, 1), 5.0), [tuple(map(str, range(-8, 4)))]
    page = fan(["a"], ["load"], times, past, levels[..., 1], levels)
    line = re.search('class="told" points="([^"]*)"', page)
    assert line is not None
    heights = {point.split(",")[1] for point in line[1].split()}
    assert heights == {f"{TOP + (HIGH - TOP - BOTTOM) / 2:.1f}"}


def test_the_picture_names_series_times_values_and_lines() -> None:
    """Two series of eight days, of which the last two are told: both axes have their ticks."""
    days = tuple(f"2024-02-2{k} 00:00:00" for k in range(1, 9))
    past = np.linspace(10.0, 15.0, 6).reshape(1, 6, 1) + np.zeros((2, 1, 1))
    told = np.full((2, 2, 1), 20.0)
    page = fan(["north", "a & b"], ["sales"], [days, days], past, told, told[..., None])
    words = re.findall(r"<text[^>]*>([^<]*)</text>", page)
    assert words[:2] == ["past", "forecast"] and "interval" not in page
    panel = ["10", "15", "20", "2024-02-21", "2024-02-23", "2024-02-26", "2024-02-28"]
    assert words[2:] == ["north, sales", *panel, "a &amp; b, sales", *panel]
    both = np.stack([told - 1, told, told + 1], axis=-1)
    assert "interval between quantiles" in fan(["n"], ["sales"], [days], past, told, both)
    many = fan(["n"] * 15, ["sales"], [days] * 15, past[[0] * 15], told[[0] * 15], both[[0] * 15])
    assert "12 of 15" in many and many.count('class="title"') == 12


def test_models_and_tasks_that_do_not_fit_are_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="'mlp', which forecasts no series; take one of dlinear"):
        trained(tmp_path, {}, hourly(300), "mlp")
    with pytest.raises(RecipeError, match="'dlinear', which forecasts series; set task=forecast"):
        workflow.run(load({"data": {"set": "iris"}, "model": {"zoo": "dlinear"}}))
    with pytest.raises(RecipeError, match="The task forecast takes a table with a time"):
        workflow.run(load({"data": {"set": "iris"}, "task": "forecast"}))


@pytest.mark.data
@pytest.mark.usefixtures("data_root")
def test_a_set_of_series_is_there_to_be_forecast() -> None:
    with pytest.raises(RecipeError, match="so its task is forecast"):
        workflow.run(load({"data": {"set": "etth1"}, "task": "classify"}))


@pytest.mark.data
def test_etth1_has_its_customary_windows_and_naive_scores(data_root: Path) -> None:
    """Of 12, 4 and 4 months of 720 hours, the windows of 336 hours with 96 ahead; and the errors
    of repeating the last value, made of the file by pandas."""
    from trimaran.steps.forecasting import score

    months = np.array([12, 4, 4]) * 720
    frame = pd.read_csv(data_root / "ett" / "ETTh1.csv").drop(columns="date")
    train = frame[: months[0]]
    scaled = (frame - train.mean()) / train.std(ddof=0)
    origins = slice(int(months[:2].sum()), int(months.sum()) - 96 + 1)
    errors = pd.concat([(scaled.shift(-k) - scaled.shift(1))[origins] for k in range(96)])
    settings = load("etth1-dlinear").data_settings()
    found = prepare(settings, 0)
    rows = {name: len(part) for name, part in found.splits.items()}
    train_windows, others = months[0] - 336 - 96 + 1, months[1] - 96 + 1
    assert rows == {"train": train_windows, "validation": others, "test": others}
    target = found.preprocess.outputs["output"]
    test: Any = found.splits["test"]
    last = np.repeat(test.inputs["input"][:, -1:], 96, axis=1)
    made = score(test, last, target, None).metrics
    mse, mae = (errors**2).to_numpy().mean(), errors.abs().to_numpy().mean()
    assert made["mse_standardized"].value == pytest.approx(mse, rel=1e-5)
    assert made["mae_standardized"].value == pytest.approx(mae, rel=1e-5)
