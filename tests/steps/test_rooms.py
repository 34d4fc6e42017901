"""A framework with a process of its own begins before anything else of a run is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from trimaran.backends.keras import process
from trimaran.errors import RunError
from trimaran.steps.rooms import ROOMS, head_start

CODE = """
import sys
from trimaran.backends.keras import process
def started(framework):
    print(framework, "trimaran.workflow" in sys.modules)
    raise SystemExit
process.prepare, process.check_installed = started, lambda framework: None
from trimaran.cli import main
main(["train", "mnist-mlp", "backend=jax"])
"""


def test_only_keras_has_a_process_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(process, "prepare", begun.append)
    monkeypatch.setattr(process, "check_installed", lambda framework: None)
    for name in (*ROOMS, "a backend that there is not"):
        head_start(name)
    assert begun == ["tensorflow", "jax"]


def test_what_is_not_installed_is_said_before_a_process_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[str] = []
    monkeypatch.setattr(process, "prepare", begun.append)
    monkeypatch.setattr(process, "find_spec", lambda name: None)
    with pytest.raises(RunError, match="backend jax needs keras and jax"):
        head_start("jax")
    assert not begun


def test_train_starts_it_before_its_own_imports() -> None:
    told = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["jax", "False"]
