"""The run folder: made once, found by name, read lazily, and refused when it is none."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from trimaran import runs
from trimaran.errors import DescriptionError, RunError
from trimaran.handle import Run
from trimaran.runs import Scores, best_split, shown


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRIMARAN_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def test_folders_are_dated_and_numbered(here: Path) -> None:
    day = datetime.now().strftime("%Y-%m-%d")
    names = [runs.create("mnist-cnn").name for _ in range(3)]
    assert names == [f"{day}-mnist-cnn-{i}" for i in (1, 2, 3)]


def test_two_at_once_never_share_a_folder(here: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: runs.create("x"), range(40)))
    assert len(set(made)) == 40 and all(path.is_dir() for path in made)


def test_a_chosen_folder_must_be_empty(tmp_path: Path) -> None:
    assert runs.create("x", tmp_path / "new") == tmp_path / "new"
    (tmp_path / "new" / "a.txt").touch()
    with pytest.raises(RunError, match=r"is not empty \(it holds a\.txt\).*--resume"):
        runs.create("x", tmp_path / "new")
    with pytest.raises(RunError, match="cannot be made"):
        runs.create("x", tmp_path / "new" / "a.txt" / "b")


def test_runs_are_found(here: Path, digits_run: Path) -> None:
    with pytest.raises(RunError, match="no run in"):
        runs.find("latest")
    shutil.copytree(digits_run, here / "2026-01-01-first-1")
    shutil.copytree(digits_run, here / "2026-01-01-second-1")
    (here / "2026-01-01-second-1" / "recipe.yaml").touch()
    assert runs.find("latest").path.name == "2026-01-01-second-1"
    assert runs.find("2026-01-01-first-1").path == here / "2026-01-01-first-1"
    assert runs.find(digits_run).path == digits_run
    assert [run.path.name for run in runs.every()] == ["2026-01-01-first-1", "2026-01-01-second-1"]
    with pytest.raises(RunError, match="did you mean 2026-01-01-first-1"):
        runs.find("2026-01-01-frist-1")
    with pytest.raises(RunError, match=r"holds no recipe\.yaml"):
        runs.find(here)


def test_a_run_reads_everything_from_its_folder(digits_run: Path) -> None:
    run = Run(digits_run)
    assert run.recipe.model.input_shape == (8, 8, 1) and run.recipe.training.epochs == 2
    assert run.model.name == "mlp" and run.model.output_shape("output") == (10,)
    arrays = load_file(digits_run / "model.safetensors")
    assert all(np.array_equal(run.weights[key], value) for key, value in arrays.items())
    kinds = [event["kind"] for event in run.events]
    assert kinds[0] == "Started" and kinds[-1] == "Stopped" and kinds.count("Epoch") == 2
    assert set(run.scores) == {"validation", "test"} and run.finished
    assert run.environment["execution"]["precision"] == "float32"
    assert run.preprocess.outputs["output"].size == 10


def test_a_folder_holds_what_the_design_names(digits_run: Path) -> None:
    names = {path.name for path in digits_run.iterdir()}
    promised = (
        "recipe.yaml environment.json model.json model_torch.py model.safetensors preprocess.json "
        "events.jsonl scores.json checkpoints report.html README.md artifacts data.json"
    )
    assert names == set(promised.split())


def test_what_is_shown_is_the_file(digits_run: Path) -> None:
    run = Run(digits_run)
    raw = json.loads((digits_run / "scores.json").read_text())
    value = raw["splits"]["test"]["metrics"]["accuracy"]["value"]
    assert run.scores["test"]["accuracy"]["value"] == value
    assert run.headline().startswith(f"test accuracy {100 * value:.2f} %")
    assert f"{100 * value:.2f} %" in repr(run.scores) and run.headline() in repr(run)
    page = run._repr_html_()
    assert page.count("<tr>") == len(run.scores.rows()) + 1 and "report.html" in page


def test_html_of_scores_escapes_what_users_named() -> None:
    score = {"value": 1.0, "low": 0.5, "high": 1.0}
    page = Scores({"splits": {"<b>": {"metrics": {"accuracy": score}}}})._repr_html_()
    assert "&lt;b&gt;" in page and "<b>" not in page


def test_a_score_without_a_value_says_why() -> None:
    assert shown("r2", {"value": None, "reason": "one row"}) == ("none", "one row")
    assert shown("mae", {"value": 1.23456, "low": 1, "high": 2}) == ("1.235", "1 to 2")


def test_the_most_independent_split_speaks_for_the_run() -> None:
    assert best_split(["validation", "test"]) == "test"
    assert best_split(["train", "validation"]) == "validation"
    assert best_split(["train"]) == "train"


def test_an_unfinished_run_says_so(digits_run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(digits_run, tmp_path / "copy"))
    (copy / "scores.json").unlink()
    assert "unfinished" in repr(Run(copy)) and "unfinished" in Run(copy)._repr_html_()
    with pytest.raises(RunError, match=r"scores\.json is missing"):
        _ = Run(copy).scores
    (copy / "model.safetensors").unlink()
    with pytest.raises(RunError, match=f"no weights yet.*trimaran train --resume {copy}"):
        _ = Run(copy).weights


def test_a_torn_last_event_is_left_out(digits_run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(digits_run, tmp_path / "copy"))
    whole = Run(copy).events
    with (copy / "events.jsonl").open("a") as file:
        file.write('{"kind": "Step", "st')
    assert Run(copy).events == whole


def test_weights_and_descriptions_of_another_model_are_refused(
    digits_run: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(digits_run, tmp_path / "copy"))
    text = (copy / "model.json").read_text()
    (copy / "model.json").write_text(text.replace('"units": 64', '"units": 32', 1))
    with pytest.raises(DescriptionError, match="changed after it was written"):
        _ = Run(copy).model
    (copy / "model.json").write_text(text)
    weights = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(weights[:-100])
    with pytest.raises(RunError, match="not a whole safetensors file"):
        _ = Run(copy).weights
