"""`model.weights`: a training that starts from a run's or a file's weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trimaran import runs, workflow
from trimaran.errors import RunError
from trimaran.recipe import load, overrides
from trimaran.runs import RunFiles
from trimaran.steps.beginning import located
from trimaran.training.events import Epoch, Notice
from trimaran.weights import load as read
from trimaran.weights import save

FAST = ("training.precision=float32", "training.threads=1", "training.epochs=1")


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the program may catch it."""


def train(out: Path, *words: str, tell: Callable[[Any], None] = lambda event: None) -> RunFiles:
    chosen = load("digits-mlp", overrides([*FAST, *words]))
    return workflow.run(chosen, workflow.Options(out=out, tell=tell)).run


def accuracy(run: RunFiles) -> float:
    return float(run.scores["test"]["accuracy"]["value"])


def test_one_epoch_from_a_run_is_better_than_one_from_scratch(
    digits_run: Path, tmp_path: Path
) -> None:
    heard: list[Any] = []
    again = train(tmp_path / "again", f"model.weights={digits_run}", tell=heard.append)
    assert accuracy(again) > accuracy(train(tmp_path / "scratch")) + 0.02
    file = str(digits_run / "model.safetensors")
    assert f"The weights start from {file}." in [e.text for e in heard if isinstance(e, Notice)]
    assert again.recipe.model.weights == file
    source = json.loads((again.path / runs.ENVIRONMENT).read_text())["weights"]
    assert source["path"] == file and source["drawn"] == [] and len(source["sha256"]) == 64
    assert file in again.report.read_text()


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_each_room_of_backends_starts_there(digits_run: Path, tmp_path: Path, backend: str) -> None:
    """With steps that move nothing, the weights after training are those that it began with.
    TensorFlow is started by the same code as JAX."""
    for needed in ("keras", backend) if backend != "torch" else ():
        if find_spec(needed) is None:
            pytest.skip(f'{needed} is not installed: pip install "trimaran[keras]"')
    words = (f"model.weights={digits_run}", f"backend={backend}")
    rate = "training.optimizer={name: sgd, learning_rate: 1.0e-30}"
    made = train(tmp_path / backend, *words, rate).weights
    for key, values in read(digits_run / "model.safetensors").items():
        np.testing.assert_allclose(made[key], values, rtol=0, atol=1e-25)


def test_another_number_of_classes_draws_the_head_anew(tmp_path: Path) -> None:
    """Four classes, then three, of rows alike."""
    rng = np.random.default_rng(0)
    for name, classes in (("many", 4), ("few", 3)):
        x = rng.normal(size=(90, 5)).astype(np.float32)
        np.savez(tmp_path / f"{name}.npz", x=x, y=np.arange(90) % classes)
    recipe = {"data": {"path": str(tmp_path / "many.npz")}, "model": "mlp"}
    quick = {"epochs": 1, "precision": "float32", "threads": 1}
    first = workflow.run(load({**recipe, "training": quick}), _out(tmp_path / "first"))
    recipe["data"] = {"path": str(tmp_path / "few.npz")}
    recipe["model"] = {"zoo": "mlp", "weights": str(first.run.path)}
    done = workflow.run(load({**recipe, "training": quick}), _out(tmp_path / "second"))
    (told,) = [text for text in done.notices if "drawn anew" in text]
    assert "since the file's has 4 outputs and this model's 3." in told
    drawn = json.loads((done.run.path / runs.ENVIRONMENT).read_text())["weights"]["drawn"]
    assert len(drawn) == 2 and all(key in first.run.model.parameters for key in drawn)


def _out(path: Path) -> workflow.Options:
    return workflow.Options(out=path)


def test_a_file_of_another_model_leaves_no_run_behind(tmp_path: Path) -> None:
    save(tmp_path / "other.safetensors", {"conv.weight": np.zeros((2, 2), np.float32)})
    with pytest.raises(RunError, match="from another model than 'mlp'.*unexpected conv.weight"):
        train(tmp_path / "run", f"model.weights={tmp_path / 'other.safetensors'}")
    assert not (tmp_path / "run").exists()
    with pytest.raises(RunError, match="no such file"):
        train(tmp_path / "run", f"model.weights={tmp_path / 'none.safetensors'}")
    with pytest.raises(RunError, match="There is no run 'nowhere'"):
        located("nowhere")


def test_a_run_resumes_only_from_the_weights_that_it_began_with(
    digits_run: Path, tmp_path: Path
) -> None:
    """The same bytes go on to the same result; a changed file is refused."""
    arrays = read(digits_run / "model.safetensors")
    file = tmp_path / "start.safetensors"
    save(file, arrays)
    words = (f"model.weights={file}", "training.epochs=2", "training.checkpoint_epochs=1")
    whole = train(tmp_path / "whole", *words)

    def stop(event: Any) -> None:
        if isinstance(event, Epoch) and event.epoch == 2:
            raise Killed

    with pytest.raises(Killed):
        train(tmp_path / "cut", *words, tell=stop)
    save(file, {key: values + np.float32(1) for key, values in arrays.items()})
    with pytest.raises(RunError, match=r"undisturbed run: weights changed"):
        workflow.resume(tmp_path / "cut")
    save(file, arrays)
    done = workflow.resume(tmp_path / "cut")
    name = runs.WEIGHTS
    assert (done.run.path / name).read_bytes() == (whole.path / name).read_bytes()
