"""A Keras model in a file: read by the worker process, which never unpickles anything."""

from __future__ import annotations

import json
import weakref
import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from trimaran.backends.keras.from_keras import Original, described, original
from trimaran.backends.keras.process import Worker, hire
from trimaran.backends.keras.reading.given import Given
from trimaran.errors import ConversionError, RunError


def read_file(path: str, framework: str | None = None) -> Original:
    """The model of a `.keras` file, or that which `FILE.py:NAME` is or, called, returns.

    Args:
        framework: what Keras computes with; None takes the one that starts fastest here.

    Raises:
        RunError: no such file, no whole `.keras` file, or Keras is not installed.
        ConversionError: the file's code fails, or a layer has no description.
    """
    file, name = split(path)
    if not Path(file).is_file():
        raise RunError(f"{file}: no such file; give a .keras file, or FILE.py:NAME.")
    if not name:
        described(config_of(file), {})  # what has no description is told before anything is loaded
    worker = hire(framework or fastest(), "float32")
    answer = worker.call("open", told(path))
    asked = _Asked(worker, answer.values["number"])
    return original(_given(answer.values, answer.arrays), asked)


def split(path: str) -> tuple[str, str]:
    """A file, and the name in it ("" for a `.keras` file)."""
    file, _, name = path.partition(":") if ".py:" in path else (path, "", "")
    return file, name


def told(path: str) -> dict[str, Any]:
    """What the worker is told of a file; see `worker.original.opening.File`."""
    file, name = split(path)
    whole = Path(file).resolve()
    return {"path": str(whole), "name": name, "changed": whole.stat().st_mtime_ns}


def fastest() -> str:
    """The framework that starts fastest here."""
    return "jax" if find_spec("jax") is not None else "tensorflow"


def config_of(path: str) -> Mapping[str, Any]:
    """The config in a `.keras` file."""
    try:
        with zipfile.ZipFile(path) as file:
            whole = json.loads(file.read("config.json"))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise RunError(
            f"{path}: not a whole .keras file ({error}); save the model with model.save('x.keras')."
        ) from None
    config: Mapping[str, Any] = whole.get("config") or {}
    if "layers" not in config:
        raise ConversionError(
            f"{path} holds a subclassed model ({whole.get('class_name')}), whose config tells no "
            "layers; write it in the functional style, keras.Model(inputs, outputs)."
        )
    return config


class _Asked:
    """The worker's own model, as what answers."""

    def __init__(self, worker: Worker, number: int) -> None:
        self._worker, self._number = worker, number
        weakref.finalize(self, worker.forget, number)

    def __call__(self, rows: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        found = self._worker.call("ask", {"number": self._number}, rows).arrays
        return [found[str(place)] for place in range(len(found))]


def _given(values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Given:
    variables: dict[tuple[str, ...], dict[str, np.ndarray]] = {}
    for place, (path, name) in enumerate(values["variables"]):
        variables.setdefault(tuple(path), {})[name] = np.array(arrays[str(place)])
    return Given(values["kind"], values["config"], variables)
