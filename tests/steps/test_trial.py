"""A training run in a process of its own, with what it took."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimaran import errors
from trimaran.steps import frameworks, probing


def choice(monkeypatch: pytest.MonkeyPatch, data: str = "digits") -> frameworks.Choice:
    monkeypatch.setattr(probing, "check", lambda backends: None)
    return frameworks.Choice("mnist-mlp-128", data, 2, 2, limit=300, threads=1)


def test_a_run_tells_its_epochs_its_peak_and_its_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "runs" / "torch-1"
    found, answers = frameworks.trial(choice(monkeypatch), folder, "torch", 1)
    assert [epoch["epoch"] for epoch in found["epochs"]] == [1, 2]
    assert all(epoch["seconds"] > 0 for epoch in found["epochs"])
    assert found["seconds"]["start"] > 0 and found["split"] == "test"
    assert answers.shape == (found["data"]["rows"]["test"], 10)
    assert found["memory"]["framework"] is None or found["memory"]["framework"] > 10**8
    assert (tmp_path / found["folder"] / "run" / "report.html").is_file()
    assert found["execution"]["precision"] == "float32" and found["execution"]["threads"] == 1


def test_a_run_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.RunError, match="Training on torch with seed 0 failed"):
        frameworks.trial(choice(monkeypatch, "no-such-set"), tmp_path / "x", "torch", 0)


def test_the_subject_is_the_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    given = frameworks.subject(choice(monkeypatch))
    assert given.model.name == "mnist-mlp-128" and given.rows.x.shape[1:] == (8, 8, 1)
    assert given.loop.loss == "sparse_categorical_crossentropy"
    task = frameworks.task(given, choice(monkeypatch), "jax", "eager")
    assert len(task.inputs["input"]) == 128 and task.targets["output"].shape == (128,)
