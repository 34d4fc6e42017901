"""`trimaran compare`: subjects, tables, exit statuses, refusals."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.comparison.measurements import measured

from trimaran.cli import main
from trimaran.cli.compare import SUBJECTS
from trimaran.steps import frameworks, probing
from trimaran.training.probe import Task

TINY = ("--backends", "torch", "--repeats", "1", "--seconds", "0.01", "--batch-size", "8",
        "--threads", "1")  # fmt: skip


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_subject_has_help_with_an_example(
    subject: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["compare", subject, "--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0 and f"example:\n  trimaran compare {subject}" in text
    assert "--json" in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Name what to compare: frameworks, graphs"),
        (("framework",), "did you mean frameworks?"),
        (("graphs",), "required: name"),
        (("graphs", "resnet5"), "did you mean 'resnet50'"),
        (("graphs", "xor-mlp", "--backends", "caffe"), "There is no backend 'caffe'"),
        (
            ("graphs", "xor-mlp", "--backends", "torch", "--repeats", "0"),
            "repeats must be at least",
        ),
        (("frameworks", "--seeds", "1"), "an interval needs several runs"),
        (("frameworks", "--epochs", "1"), "the first one warms up"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(
    words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *words]) == 2
    told = capsys.readouterr()
    assert told.out == "" and "Traceback" not in told.err and sentence in told.err


@pytest.mark.parametrize("words", [("graphs", "xor-mlp"), ("frameworks", "--quick")])
def test_a_missing_framework_is_one_sentence(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "trimaran.backends.keras.process.find_spec",
        lambda name: None if name in ("keras", "tensorflow") else real(name),
    )
    assert main(["compare", *words]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert told[-1].startswith("trimaran: The backend tensorflow needs keras and tensorflow")
    assert 'pip install "trimaran[keras]"' in told[-1]


def faked(off: float) -> Any:
    """A process that answers at once; compiled graphs answer something else by `off`."""

    def probe(task: Task, what: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        eager = task.kind == "eager"
        call = {"steady": 0.010 if eager else 0.004, "extra": 0.0 if eager else 3.0, "calls": []}
        answer: dict[str, Any] = {"made": 0.0, "infer": call, "memory": 10**8}
        if "." not in task.kind or task.kind == "torch.compile":
            answer |= {"train": call, "loss": 1.0}
        value = np.full((8, 2), 0.5 if eager else 0.5 + off, np.float32)
        return answer, {"output": value}

    return probe


def test_graphs_that_answer_alike(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(probing, "probe", faked(0.0))
    assert main(["compare", "graphs", "xor-mlp", *TINY]) == 0
    told = capsys.readouterr()
    head, eager, compiled, exported = told.out.splitlines()[1:5]
    assert head.split()[:2] == ["backend", "graph"]
    assert "4.00 ms (4.00–4.00) 500 calls" in " ".join(compiled.split())
    assert "10.00 ms" in eager and "answers only" in exported
    assert "measuring torch: torch.compile, process 1" in told.err
    assert (tmp_path / "graphs-xor-mlp.html").read_text().startswith("<!doctype html>")


def test_a_graph_that_answers_otherwise_ends_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "probe", faked(1e-3))
    assert main(["compare", "graphs", "xor-mlp", *TINY]) == 1
    assert "Not the same answers: torch.compile on torch" in capsys.readouterr().out
    assert main(["compare", "graphs", "xor-mlp", *TINY, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False and [one["ok"] for one in found["rows"]] == [True] + [False] * 3


def test_graphs_for_real_without_a_compiler(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "/nowhere/c++")
    assert main(["compare", "graphs", "xor-mlp", *TINY, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = {one["graph"]: one for one in found["rows"]}
    assert set(rows) == {"eager", "torch.compile", "torch.export", "TorchScript"}
    assert "C++ compiler" in rows["torch.compile"]["failed"]
    assert rows["eager"]["step"]["steady"]["median"] > 0
    for exported in ("torch.export", "TorchScript"):
        assert rows[exported]["ok"] and rows[exported]["step"] is None
    assert set(found) >= {"ok", "verdict", "model", "tolerance", "rows", "page", "versions", "cpu"}


def test_frameworks_as_table_page_and_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def compare(choice: frameworks.Choice, folder: Path, tell: Any) -> dict[str, Any]:
        folder.mkdir(parents=True, exist_ok=True)
        return measured(choice.seeds)

    monkeypatch.setattr(frameworks, "compare", compare)
    monkeypatch.setattr(probing, "check", lambda backends: None)
    assert main(["compare", "frameworks", "--data", "digits"]) == 0
    text = capsys.readouterr().out
    assert "Keras on TensorFlow" in text and "s/epoch, warm" in text
    assert "changed since TensorFlow Computation graph" in text
    assert (tmp_path / "frameworks-mnist-mlp-128" / "index.html").is_file()
    assert main(["compare", "frameworks", "--quick", "-o", "out", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["page"] == "out/index.html" and found["seeds"] == [0, 1]
    assert {"claims", "curves", "differences", "agreement", "backends", "scores"} <= set(found)
