"""The neutral weights file: safetensors with PyTorch's names and layouts.

Equal content gives equal bytes. safetensors writes metadata in random order, so all of ours is
sorted JSON under the one key "trimaran".
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from trimaran.errors import RunError
from trimaran.spec import Model

Array = NDArray[Any]
KEY = "trimaran"
SHOWN = 3
"""How many keys an error message lists."""


def save(
    path: str | os.PathLike[str],
    arrays: Mapping[str, Array],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write the arrays to `path` at once or not at all: temporary file, fsync, rename.

    Raises:
        RunError: the disk is full or the folder cannot be written; an old file is left whole.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    # asarray, not ascontiguousarray: the latter gives a counter of rank 0 an axis
    whole = {key: np.asarray(array, order="C") for key, array in arrays.items()}
    text = json.dumps(dict(metadata or {}), sort_keys=True, separators=(",", ":"))
    try:
        temporary.touch()
        mode = temporary.stat().st_mode  # the user's; safetensors replaces the file by one of 0600
        save_file(whole, temporary, {KEY: text})
        temporary.chmod(mode)
        _sync(temporary)
        os.replace(temporary, target)
        _sync(target.parent)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            temporary.unlink()
        raise RunError(
            f"{target}: the weights could not be written ({error}); make room, or choose a folder "
            "that exists and may be written."
        ) from None


def load(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The arrays of the file, by sorted key.

    Raises:
        RunError: the file is missing, cut off, or no safetensors file.
    """
    try:
        found = load_file(_existing(path))
    except (OSError, SafetensorError, KeyError) as error:
        raise _unreadable(path, error) from None
    return {key: found[key] for key in sorted(found)}


def metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """What `save` was given beside the arrays; empty for files that others wrote.

    Raises:
        RunError: the file is missing, cut off, or no safetensors file.
    """
    try:
        with safe_open(_existing(path), "numpy") as file:
            text = (file.metadata() or {}).get(KEY, "{}")
        return {str(key): str(value) for key, value in json.loads(text).items()}
    except (OSError, SafetensorError, ValueError) as error:
        raise _unreadable(path, error) from None


def check(model: Model, arrays: Mapping[str, Array], where: str = "the weights") -> None:
    """Hold that the arrays are those of the model, by key and shape.

    Raises:
        RunError: they are not; the text names the first keys that differ.
    """
    expected = model.parameters
    missing = [key for key in expected if key not in arrays]
    unexpected = [key for key in arrays if key not in expected]
    shaped = [
        f"{key} {tuple(arrays[key].shape)} instead of {tuple(parameter.shape)}"
        for key, parameter in expected.items()
        if key in arrays and tuple(arrays[key].shape) != tuple(parameter.shape)
    ]
    told = [
        f"{word} {_listed(keys)}"
        for word, keys in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("wrong shape", shaped),
        )
        if keys
    ]
    if told:
        raise RunError(
            f"{where}: a checkpoint from another model than {model.name!r} ({'; '.join(told)}); "
            "give the file that was saved with this description."
        )


def _listed(keys: list[str]) -> str:
    more = len(keys) - SHOWN
    return ", ".join(keys[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _existing(path: str | os.PathLike[str]) -> Path:
    if not Path(path).is_file():
        raise RunError(f"{path}: no such file; give the path of a .safetensors file.")
    return Path(path)


def _unreadable(path: str | os.PathLike[str], error: Exception) -> RunError:
    return RunError(
        f"{path}: not a whole safetensors file ({error}); it is cut off or of another format, "
        "so take it from its source again."
    )


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
