"""Ejected source and its loop run as they stand; a planted mistake is met and told."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from trimaran import errors, zoo
from trimaran.emit.loops import LOSSES, Loop
from trimaran.emit.planting import Planted
from trimaran.steps import ejected, probing

HEADS = {"mnist-mlp-128": LOSSES[0], "xor-mlp": LOSSES[1]}
BACKENDS = probing.BACKENDS


def available(name: str) -> None:
    """Skip where a framework is not installed."""
    try:
        probing.check((name,))
    except errors.RunError as missing:
        pytest.skip(str(missing))


def rows(shape: tuple[int, ...], count: int = 40) -> ejected.Rows:
    rng = np.random.default_rng(0)
    return ejected.Rows(rng.random((count, *shape)).astype(np.float32), rng.integers(0, 2, count))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_loops_are_clean_text_and_always_the_same(backend: str, loss: str, tmp_path: Path) -> None:
    given = Loop(zoo.build("mnist-mlp-128"), loss)
    text = probing.loops(backend).loop(given, backend)
    assert text == probing.loops(backend).loop(given, backend)
    names = {node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    assert "model" in names and "trimaran" not in text
    (tmp_path / "train.py").write_text(text)
    options = ["--isolated", "--line-length", "100"]
    for command in (["check", "-q", "--select", "E,F,I,UP,B,C4,SIM"], ["format", "-q", "--check"]):
        words = [sys.executable, "-m", "ruff", *command, *options, str(tmp_path)]
        made = subprocess.run(words, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stdout


@pytest.mark.parametrize("backend", BACKENDS)
def test_source_and_loop_train_in_a_clean_process(backend: str, tmp_path: Path) -> None:
    available(backend)
    model = zoo.build("xor-mlp")
    given = Loop(model, HEADS["xor-mlp"], epochs=2, batch_size=16)
    found = ejected.trained(tmp_path, backend, given, rows((2,)), 1)
    assert found["loop"]["ran"], (tmp_path / ejected.SAID).read_text()
    assert found["loop"]["said"].startswith("epoch 2: loss ")
    assert (tmp_path / "model.py").read_text() == found["model"]["text"]
    assert (tmp_path / "train.py").read_text() == found["loop"]["text"]


def test_the_other_losses_train_too(tmp_path: Path) -> None:
    pictures = Loop(zoo.build("mnist-mlp-128"), LOSSES[0])
    assert ejected.trained(tmp_path / "a", "torch", pictures, rows((28, 28, 1)), 1)["loop"]["ran"]
    few = rows((3,))
    numbers = ejected.Rows(few.x, few.x[:, :1])
    model = zoo.build("mlp", (3,), 1, head=False)
    found = ejected.trained(tmp_path / "b", "torch", Loop(model, LOSSES[2]), numbers, 1)
    assert found["loop"]["ran"] and "mean absolute error" in found["loop"]["said"]


def test_a_loop_that_fails_is_told(tmp_path: Path) -> None:
    given = Loop(zoo.build("mnist-mlp-128"), LOSSES[0])
    found = ejected.trained(tmp_path, "torch", given, rows((27, 28, 1)), 1)
    assert not found["loop"]["ran"] and "Error" in found["loop"]["said"]


def test_a_planted_mistake_shows_its_line_in_pytorch(tmp_path: Path) -> None:
    given = Loop(zoo.build("mnist-mlp-128"), LOSSES[0])
    found = ejected.failed(tmp_path, "torch", given, rows((28, 28, 1)), 1)
    assert (found["while"], found["named"]) == ("training", True)
    lines = (tmp_path / "model.py").read_text().splitlines()
    assert lines[found["line"] - 1].strip() == found["mistake"] == "x = x.reshape(len(x), 129)"
    assert found["says"].startswith("RuntimeError: shape") and str(tmp_path) not in found["text"]
    assert (tmp_path / ejected.ERROR).read_text() == found["text"]


@pytest.mark.parametrize("model", ["mnist-mlp-128", "mnist-cnn", "lenet5", "xor-mlp"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_mistake_finds_its_place_in_every_plain_source(backend: str, model: str) -> None:
    found = ejected.plant(zoo.build(model), backend)
    assert found is not None
    ast.parse(found.source)
    assert (
        "eshape" in found.text and found.source.splitlines()[found.line - 1].strip() == found.text
    )


def test_what_a_traceback_tells() -> None:
    planted = Planted("", 19, "")
    frames = '  File "train.py", line 17, in <module>\n    model = build()\n'
    text = f'Traceback (most recent call last):\n{frames}  File "model.py", line 14, in build\n'
    text += "    return keras.Sequential(\nValueError: no"
    found = ejected.told(text, planted)
    assert (found["while"], found["named"], found["says"]) == ("building", False, "ValueError: no")
    assert ejected.told(text.replace("14", "19"), planted)["named"]
    assert ejected.told("", planted)["while"] == ""


def test_paths_and_colours_are_cut() -> None:
    text = 'noise\nTraceback (most recent call last):\n  File "/a/b/train.py", line 1\n'
    text += '  File "/x/site-packages/keras/y.py", line 2\n\x1b[1mbold\x1b[0m'
    found = ejected.tidied(text)
    assert found.startswith("Traceback") and "/a/b" not in found and "\x1b" not in found
    assert 'File "train.py"' in found and 'File ".../keras/y.py"' in found


def test_a_model_without_a_loop_is_refused() -> None:
    with pytest.raises(errors.RecipeError, match="no loop for the loss huber"):
        Loop(zoo.build("mnist-mlp-128"), "huber")
