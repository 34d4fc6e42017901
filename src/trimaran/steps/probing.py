"""Measuring processes: which there are, and one run of each."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from trimaran.errors import RecipeError, RunError
from trimaran.files import read_json
from trimaran.steps.rooms import ROOMS
from trimaran.training.probe import ANSWER, OUTPUTS, Task

PATIENCE = 1200.0
"""Seconds after which a measuring process is given up."""
BACKENDS = tuple(ROOMS)


def facts(backend: str) -> ModuleType:
    """What a backend's room says of itself by name; no framework is imported."""
    return _room(backend, "facts")


def loops(backend: str) -> ModuleType:
    """The writer of a backend's training loop."""
    return _room(backend, "loops")


def planted(backend: str) -> ModuleType:
    """What plants a mistake in a backend's source."""
    return _room(backend, "planted")


def _room(backend: str, part: str) -> ModuleType:
    return import_module(f"trimaran.backends.{ROOMS[backend]}.{part}")


def check(backends: Sequence[str]) -> None:
    """Refuse backends that are unknown or not installed.

    Raises:
        RecipeError: there is no such backend, or one is named twice.
        RunError: a framework is missing; the text says what to install.
    """
    for name in backends:
        if name not in ROOMS:
            raise RecipeError(f"There is no backend {name!r}; there is {', '.join(ROOMS)}.")
    if len(set(backends)) < len(backends):
        raise RecipeError(f"A backend is named twice in {','.join(backends)}.")
    for name in backends:
        facts(name).check_installed(name)


def environment(backend: str, threads: int) -> dict[str, str]:
    """Of a process that runs a backend's framework with so many threads."""
    return {**os.environ, "OMP_NUM_THREADS": str(threads), **facts(backend).environment(backend)}


def launched(
    words: Sequence[str], env: Mapping[str, str], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Python in a fresh process, with what it said.

    Raises:
        RunError: it did not end.
    """
    try:
        return subprocess.run(
            [sys.executable, *words],
            env=dict(env),
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RunError(
            f"The process {' '.join(words[:2])} did not end within {PATIENCE:g} s; compare a "
            "smaller model, or smaller batches."
        ) from None


def probe(task: Task, what: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Have a task done by the process `what` ("graphs" or "formats") of its backend: its answer
    and its outputs. A process that died is an answer too: {"failed": how}."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        task.write(folder)
        words = ["-m", facts(task.backend).PROBES[what], str(folder)]
        done = launched(words, environment(task.backend, task.threads))
        answer = read_json(folder / ANSWER) if (folder / ANSWER).is_file() else {}
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
            answer["failed"] = f"the process ended with status {done.returncode}: {last[0][:300]}"
        return answer, _outputs(folder / OUTPUTS)


def _outputs(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}
