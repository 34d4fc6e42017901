"""The story of a run, end to end on small data: files, scores, resuming, predicting."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from sklearn.datasets import load_digits, load_wine

import trimaran
from trimaran import runs, workflow
from trimaran.data.prepare import prepare
from trimaran.errors import DataError, RecipeError, RunError
from trimaran.handle import Run
from trimaran.recipe import Recipe, load, overrides
from trimaran.runs import RunFiles
from trimaran.steps.estimate import Plan
from trimaran.training.events import INTERRUPTED, Epoch, Notice, Started, Stopped

FAST = ("training.precision=float32", "training.threads=1")


def recipe(name: str, *words: str) -> Recipe:
    return load(name, overrides([*FAST, *words]))


def train(name: str, out: Path, *words: str, tell: Any = lambda event: None) -> workflow.Done:
    return workflow.run(recipe(name, *words), workflow.Options(out=out, tell=tell))


def accuracy(run: RunFiles, split: str) -> float:
    return float(run.scores[split]["accuracy"]["value"])


def test_the_perceptron_learns_or_and_xor_needs_a_hidden_layer(tmp_path: Path) -> None:
    learned = train("perceptron", tmp_path / "or").run
    assert accuracy(learned, "train") == 1.0
    with np.load(learned.path / "artifacts" / "boundary.npz", allow_pickle=False) as drawn:
        assert drawn["columns"].tolist() == ["a", "b"] and drawn["low"].tolist() == [-0.5, -0.5]
        corners = drawn["chances"][[-1, 0, 0], [0, 0, -1]].argmax(-1)  # 0 0, 0 1 and 1 1
        assert corners.tolist() == [0, 1, 1] and sorted(drawn["labels"].tolist()) == [0, 1, 1, 1]
    assert "Decision boundary" in learned.report.read_text()
    assert accuracy(train("xor-mlp", tmp_path / "xor").run, "train") == 1.0
    failed = train("perceptron", tmp_path / "no", "data.set=xor", "training.epochs=50").run
    assert accuracy(failed, "train") <= 0.75


def test_the_source_and_weights_load_with_pytorch_alone(digits_run: Path) -> None:
    code = (
        "import sys, torch, safetensors.torch, model_torch\n"
        "model = model_torch.build()\n"
        "model.load_state_dict(safetensors.torch.load_file('model.safetensors'))\n"
        "model.eval()\n"
        "assert not [m for m in sys.modules if m.startswith('trimaran')]\n"
        "print(model(torch.zeros(2, 1, 8, 8)).shape)"
    )
    made = subprocess.run(
        [sys.executable, "-c", code], cwd=digits_run, capture_output=True, text=True, check=False
    )
    assert made.stdout.strip() == "torch.Size([2, 10])", made.stderr


def test_the_scores_are_those_of_the_saved_network(digits_run: Path) -> None:
    """An oracle of its own: the ejected module, PyTorch alone, and the plain definition."""
    run = Run(digits_run)
    rows = prepare(run.recipe.data_settings(), 0).splits["test"]
    space: dict[str, Any] = {"__name__": "ejected"}
    exec((digits_run / "model_torch.py").read_text(), space)
    network = space["build"]()
    network.load_state_dict(load_file(digits_run / "model.safetensors"))
    pictures = torch.from_numpy(rows.take(np.arange(len(rows))).floats()).permute(0, 3, 1, 2)
    answers = network.eval()(pictures).argmax(1).numpy()
    assert accuracy(run, "test") == np.mean(answers == rows.targets["output"])


def test_evaluating_again_gives_the_same_scores(digits_run: Path) -> None:
    run = Run(digits_run)
    assert run.evaluate().raw == run.scores.raw
    assert dict(run.evaluate(split="test")) == {"test": run.scores["test"]}
    with pytest.raises(RecipeError, match="no split 'tset'"):
        run.evaluate(split="tset")


def test_other_data_is_scored_in_the_terms_of_the_run(digits_run: Path) -> None:
    images, labels = load_digits(return_X_y=True)
    pictures = images.reshape(-1, 8, 8, 1).astype(np.uint8)
    run = Run(digits_run)
    found = run.evaluate((pictures, labels))
    answers = run.predict(pictures)
    assert found["data"]["accuracy"]["value"] == np.mean(np.asarray(answers) == labels)
    with pytest.raises(DataError, match="never saw"):
        run.evaluate((pictures[:2], np.array([3, 77])))
    with pytest.raises(DataError, match="2 rows and 3 labels"):
        run.evaluate((pictures[:2], labels[:3]))


def test_predictions_are_labels_with_probabilities(digits_run: Path) -> None:
    pictures = load_digits().images[:3].astype(np.uint8)[..., None]
    found = Run(digits_run).predict(pictures)
    assert found.probabilities is not None and found.probabilities.shape == (3, 10)
    assert np.allclose(found.probabilities.sum(axis=1), 1, atol=1e-6)
    assert found.values.tolist() == found.probabilities.argmax(axis=1).tolist()
    row = found.rows()[0]
    assert row["class"] == str(found.values[0]) and row["probability"] == max(
        value for key, value in row.items() if key.startswith("p(")
    )
    assert "Predictions(" in repr(found) and found._repr_html_().count("<tr>") == 4


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    frame = load_wine(as_frame=True).frame
    frame["kind"] = frame.pop("target").map({0: "red", 1: "white", 2: "rosé"})
    frame.to_csv(tmp_path / "wine.csv", index=False)
    words = (f"data.path={tmp_path / 'wine.csv'}", "data.target=kind", "training.epochs=30")
    run = Run(train("iris-mlp", tmp_path / "run", *words).run.path)
    assert accuracy(run, "test") > 0.8
    assert set(run.predict(frame.head(5).drop(columns="kind")).values) <= {"red", "white", "rosé"}
    with pytest.raises(DataError, match="no column"):
        run.predict(pd.DataFrame({"x": [1.0]}))


def test_a_regression_is_scored_and_predicted_in_its_own_units(tmp_path: Path) -> None:
    run = train("diabetes-mlp", tmp_path / "run", "training.epochs=20").run
    scores = run.scores["test"]
    assert 30 < scores["mae"]["value"] < 70 and scores["r2"]["value"] > 0
    assert run.recipe.model.classes == 1 and run.model.heads == {}
    splits = prepare(run.recipe.data_settings(), 0).splits["test"]
    true = run.preprocess.decode(splits.targets["output"])
    assert true.min() >= 24.99 and true.max() <= 346.01


def kinds(told: Sequence[Any]) -> list[str]:
    return [type(event).__name__ for event in told]


def test_a_plan_is_told_first_and_the_log_holds_what_was_told(tmp_path: Path) -> None:
    told: list[Any] = []
    done = train("digits-mlp", tmp_path / "run", "training.epochs=1", tell=told.append)
    assert kinds(told)[0] == "Plan" and isinstance(told[0], Plan)
    plan = told[0]
    assert plan.parameters == 17_226 and plan.unit == "images" and sum(plan.rows.values()) == 1797
    assert plan.seconds > 0 and plan.memory > 100e6
    logged = [event["kind"] for event in done.run.events]
    assert [kind for kind in kinds(told) if kind not in ("Plan", "Notice")] == logged
    seconds = done.timing.seconds()
    assert 0 < seconds["train"] < seconds["total"] and done.timing.rate() > 0


def test_the_same_recipe_gives_the_same_bytes(tmp_path: Path, digits_run: Path) -> None:
    again = workflow.run(Run(digits_run).recipe, workflow.Options(out=tmp_path / "again")).run
    for name in ("model.safetensors", "model_torch.py", "model.json", "scores.json", "recipe.yaml"):
        assert (again.path / name).read_bytes() == (digits_run / name).read_bytes(), name


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the program may catch it."""


def test_a_run_that_was_killed_goes_on_to_the_same_bytes(tmp_path: Path, digits_run: Path) -> None:
    words = ("training.epochs=2", "training.checkpoint_epochs=1")

    def kill(event: Any) -> None:
        if isinstance(event, Epoch) and event.epoch == 2:
            raise Killed

    with pytest.raises(Killed):
        train("digits-mlp", tmp_path / "run", *words, tell=kill)
    assert np.float64(5e-324) * 1.0 > 0, "the failed run left denormals flushed"
    assert not (tmp_path / "run" / "model.safetensors").exists()
    done = workflow.resume(tmp_path / "run")
    whole = train("digits-mlp", tmp_path / "whole", *words).run
    for name in ("model.safetensors", "scores.json"):
        assert (done.run.path / name).read_bytes() == (whole.path / name).read_bytes()
    epochs = [event["epoch"] for event in done.run.events if event["kind"] == "Epoch"]
    assert epochs == [1, 2]


def test_ctrl_c_saves_without_scores_and_resuming_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    def interrupt(event: Any) -> None:
        if isinstance(event, Started):
            signal.raise_signal(signal.SIGINT)

    told: list[Any] = []
    options = workflow.Options(
        out=tmp_path / "my run", tell=lambda event: (told.append(event), interrupt(event))[0]
    )
    monkeypatch.setattr("sys.argv", ["trimaran", "train", "my recipe.yaml"])
    done = workflow.run(recipe("digits-mlp", "training.epochs=2"), options)
    environment = json.loads((done.run.path / "environment.json").read_text())
    assert environment["command"] == "trimaran train 'my recipe.yaml'"
    assert done.reason == INTERRUPTED and not done.run.finished
    (stopped,) = [event for event in told if isinstance(event, Stopped)]
    assert stopped.advice == f"Go on with: trimaran train --resume '{tmp_path / 'my run'}'"
    assert workflow.resume(done.run).run.finished


def test_resuming_with_other_data_is_refused(tmp_path: Path) -> None:
    frame = load_wine(as_frame=True).frame
    frame.to_csv(tmp_path / "wine.csv", index=False)
    words = (f"data.path={tmp_path / 'wine.csv'}", "data.target=target", "training.epochs=1")
    run = train("iris-mlp", tmp_path / "run", *words).run
    frame.assign(alcohol=frame["alcohol"] ** 2).to_csv(tmp_path / "wine.csv", index=False)
    with pytest.raises(RunError, match="data"):
        workflow.resume(run)


def test_a_model_that_does_not_fit_the_data_is_refused(tmp_path: Path, digits_run: Path) -> None:
    spec = f"model.spec={digits_run / 'model.json'}"
    with pytest.raises(RecipeError, match=r"takes input \(8, 8, 1\), but iris gives"):
        train("iris-mlp", tmp_path / "a", spec)
    with pytest.raises(RecipeError, match="has 3 classes"):
        train("iris-mlp", tmp_path / "b", "model.classes=7")
    with pytest.raises(RecipeError, match=r"model\.input_shape is \(5,\)"):
        train("iris-mlp", tmp_path / "c", "model.input_shape=[5]")
    assert list(tmp_path.iterdir()) == []


def test_a_saved_description_trains_like_the_zoo_that_made_it(
    tmp_path: Path, digits_run: Path
) -> None:
    spec = f"model.spec={digits_run / 'model.json'}"
    words = (spec, "training.epochs=2")
    run = train("digits-mlp", tmp_path / "run", *words).run
    saved = (digits_run / "model.safetensors").read_bytes()
    assert (run.path / "model.safetensors").read_bytes() == saved


def test_a_failure_that_comes_before_training_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="did you mean"):
        train("digits-mlp", tmp_path / "run", "data.set=digitz")
    assert not (tmp_path / "run").exists()


def test_tensorboard_scalars_on_request(tmp_path: Path) -> None:
    options = workflow.Options(out=tmp_path / "run", tensorboard=True)
    run = workflow.run(recipe("digits-mlp", "training.epochs=1"), options).run
    (file,) = (run.path / runs.TENSORBOARD).iterdir()
    assert file.stat().st_size > 100


def test_the_artifacts_of_the_report(digits_run: Path) -> None:
    found = json.loads((digits_run / "artifacts" / "worst.json").read_text())
    assert found["split"] == "test" and found["rows"]
    with np.load(digits_run / "artifacts" / "worst.npz", allow_pickle=False) as arrays:
        assert arrays["images"].shape == (len(found["rows"]), 8, 8, 1)
    page = (digits_run / "report.html").read_text()
    assert page.count("<svg") > 2
    # What data.json says of the source must reach the page: it is not in environment.json.
    assert "Optical recognition of handwritten digits" in page and "duplicates across" in page


def test_train_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIMARAN_RUNS", str(tmp_path))
    run = trimaran.train(
        "digits-mlp", training={"epochs": 1, "precision": "float32"}, progress=False
    )
    assert isinstance(run, trimaran.Run) and run.path.parent == tmp_path
    assert run.recipe.training.epochs == 1
    with pytest.raises(RecipeError, match="the arguments of train"):
        trimaran.train("digits-mlp", training={"epoch": 1})
    with pytest.raises(RecipeError, match="names no data"):
        trimaran.train({"model": "mlp"})


def test_a_time_limit_is_kept(tmp_path: Path) -> None:
    began = time.monotonic()
    words = ("training.epochs=100000", "training.time_limit=2s", "training.early_stopping=null")
    done = train("digits-mlp", tmp_path / "run", *words)
    assert done.reason == "time limit" and done.run.finished
    assert done.timing.stopped - done.timing.started < 4
    assert time.monotonic() - began < 60


def test_notices_about_the_data_are_told(tmp_path: Path) -> None:
    frame = load_wine(as_frame=True).frame
    pd.concat([frame, frame]).to_csv(tmp_path / "twice.csv", index=False)
    words = (f"data.path={tmp_path / 'twice.csv'}", "data.target=target", "training.epochs=1")
    told: list[Any] = []
    done = train("iris-mlp", tmp_path / "run", *words, tell=told.append)
    notices = [event.text for event in told if isinstance(event, Notice)]
    assert notices == list(done.notices) and notices


@pytest.mark.parametrize("kind", ["arrays", "pandas", "polars", "with labels"])
def test_rows_in_memory_are_trained_resumed_and_scored(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas as pd
    import polars as pl

    monkeypatch.setenv("TRIMARAN_CACHE", str(tmp_path / "cache"))
    x = np.random.default_rng(0).normal(size=(90, 3))
    y = np.where(x[:, 0] > x[:, 1], "more", "less")
    columns = {"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y.astype(object)}
    bare = pd.DataFrame(columns).drop(columns="y")
    data: dict[str, tuple[Any, Any]] = {
        "arrays": (x, y.astype(object)),
        "pandas": (pd.DataFrame(columns), "y"),
        "polars": (pl.DataFrame({**columns, "y": y.tolist()}), "y"),
        "with labels": (bare, y),
    }
    training = {"epochs": 40, "precision": "float32", "threads": 1}
    run = trimaran.train(data=data[kind], training=training, out=tmp_path / "run", progress=False)
    assert run.model.name == "mlp" and accuracy(run, "test") > 0.7
    assert set(run.predict(x if kind == "arrays" else bare).values) == {"less", "more"}
    again = run.evaluate(split="test")
    assert again["test"]["accuracy"] == run.scores["test"]["accuracy"]
    weights = (run.path / "model.safetensors").read_bytes()
    assert (run.resume().path / "model.safetensors").read_bytes() == weights


def test_what_is_no_pair_of_rows_is_refused() -> None:
    with pytest.raises(DataError, match=r"data is ndarray; give a pair"):
        trimaran.train(data=np.zeros((3, 2)), progress=False)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="3 rows of input, but 2 targets"):
        import pandas as pd

        trimaran.train(data=(pd.DataFrame({"a": [1, 2, 3]}), [0, 1]), progress=False)
