"""A series from its file to scores beside baselines, a report, new forecasts, and a picture."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.hours import hourly

from trimaran import workflow
from trimaran.cli import main
from trimaran.errors import RecipeError
from trimaran.recipe import load
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
    assert text.startswith("<svg") and text.count('class="band"') == 2


def test_returns_are_told_with_the_level_that_they_make(tmp_path: Path) -> None:
    frame = pd.concat([hourly(200, 1).assign(site="a"), hourly(200, 2).assign(site="b")])
    series = {"returns": True, "key": "site", "step": "rows"}
    run = trained(tmp_path, series, frame, "returns-lstm")
    told = workflow.predict(run, frame)
    last = frame.groupby("site").last()["load"].to_numpy()
    expected = last[:, None] * np.exp(np.cumsum(told.values[..., 0], axis=1))
    assert np.allclose(told.prices[..., 0], expected, rtol=1e-5)
    assert told.keys == ("a", "b") and told.times[0] == ("1", "2", "3", "4", "5", "6")
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


def test_models_and_tasks_that_do_not_fit_are_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="'mlp', which forecasts no series; take one of dlinear"):
        trained(tmp_path, {}, hourly(300), "mlp")
    with pytest.raises(RecipeError, match="'dlinear', which forecasts series; set task=forecast"):
        workflow.run(load({"data": {"set": "iris"}, "model": {"zoo": "dlinear"}}))
    with pytest.raises(RecipeError, match="The task forecast takes a table with a time"):
        workflow.run(load({"data": {"set": "iris"}, "task": "forecast"}))
    with pytest.raises(RecipeError, match="so its task is forecast"):
        workflow.run(load({"data": {"set": "etth1"}, "task": "classify"}))


@pytest.mark.data
def test_etth1_has_its_customary_windows_and_naive_scores(data_root: Path) -> None:
    """8,545 - 336 training windows and 2,785 of validation and test (Zeng et al. 2023), and the
    errors of repeating the last value (1.295 and 0.713 in their Table 2)."""
    from trimaran.data.prepare import prepare
    from trimaran.steps.forecasting import score

    settings = load("etth1-dlinear").data_settings()
    found = prepare(settings, 0)
    rows = {name: len(part) for name, part in found.splits.items()}
    assert rows == {"train": 8209, "validation": 2785, "test": 2785}
    target = found.preprocess.outputs["output"]
    test: Any = found.splits["test"]
    last = np.repeat(test.inputs["input"][:, -1:], 96, axis=1)
    made = score(test, last, target, None).metrics
    assert made["mse_standardized"].value == pytest.approx(1.295, abs=0.001)
    assert made["mae_standardized"].value == pytest.approx(0.713, abs=0.001)
