"""Measuring processes: real ones of each backend, what refuses, and what dies."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trimaran import errors, zoo
from trimaran.comparison.deviation import relative
from trimaran.steps import graphs, probing

MODEL = zoo.build("xor-mlp")


def choice(**values: Any) -> graphs.Choice:
    given = {"batch_size": 8, "repeats": 1, "seconds": 0.01, "threads": 1, "backends": ("torch",)}
    return graphs.Choice(**{**given, **values})


@pytest.fixture(scope="module")
def eager() -> dict[str, np.ndarray]:
    """PyTorch's answers."""
    answer, outputs = probing.probe(graphs.task(MODEL, choice(), "torch", "eager"), "graphs")
    assert "failed" not in answer and answer["loss"] > 0 and "train" in answer
    return outputs


@pytest.mark.parametrize(
    ("backend", "kind"),
    [("tensorflow", "XLA"), ("tensorflow", "SavedModel"), ("jax", "jax.jit")],
)
def test_graphs_of_keras_answer_like_pytorch(
    backend: str, kind: str, eager: dict[str, np.ndarray]
) -> None:
    try:
        probing.check((backend,))
    except errors.RunError as missing:
        pytest.skip(str(missing))
    answer, outputs = probing.probe(graphs.task(MODEL, choice(), backend, kind), "graphs")
    assert "failed" not in answer, answer
    assert relative(outputs["output"], eager["output"]) < 1e-5
    assert ("train" in answer) == (kind != "SavedModel")


def test_a_process_that_dies_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = subprocess.CompletedProcess([], -9, "", "last words\n")
    monkeypatch.setattr(probing, "launched", lambda *_: dead)
    answer, outputs = probing.probe(graphs.task(MODEL, choice(), "torch", "eager"), "graphs")
    assert answer == {"failed": "the process ended with status -9: last words"} and outputs == {}


def test_a_process_that_does_not_end_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(probing, "PATIENCE", 0.2)
    with pytest.raises(errors.RunError, match=r"did not end within 0\.2 s"):
        probing.launched(["-c", "import time; time.sleep(60)"], {}, tmp_path)


@pytest.mark.parametrize(
    ("backends", "kind", "words"),
    [(("torch", "caffe"), errors.RecipeError, "no backend 'caffe'"),
     (("torch", "torch"), errors.RecipeError, "named twice")],
)  # fmt: skip
def test_backends_that_cannot_be_compared(
    backends: tuple[str, ...], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        probing.check(backends)


def test_each_room_tells_the_same_things_of_itself() -> None:
    for backend in probing.BACKENDS:
        facts = probing.facts(backend)
        kinds = facts.GRAPHS[backend]
        assert kinds[0].name == "eager" and len({kind.name for kind in kinds}) == len(kinds)
        assert facts.COMPILED[backend] in {kind.name for kind in kinds if kind.trains}
        assert sum(kind.base for kind in kinds) == 1
        assert facts.LABELS[backend] and facts.DISTRIBUTIONS[backend] and facts.IMPORTS[backend]
        assert set(facts.PROBES) == {"graphs", "formats"}
        assert backend in probing.loops(backend).RUN
