"""Checkpoints: everything that a run needs to go on as if it had never stopped.

A checkpoint is a folder `step-000000123` of one safetensors file per group of tensors and a
`state.json`, which holds the SHA-256 of each of them and of itself. It is written under another
name, flushed to the disk, and then renamed, so a folder of that name is whole or was damaged
later, which reading detects. Nothing is pickled.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from trimaran.errors import RunError, TrainingError

Groups = Mapping[str, Mapping[str, np.ndarray]]

VERSION = 1
_STATE = "state.json"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by group ("model", "optimizer", ...) and key, and a JSON object of all the rest."""

    step: int
    groups: Groups
    state: Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """The newest whole checkpoint and a sentence for each newer one that is damaged."""

    checkpoint: Checkpoint
    path: Path
    notices: tuple[str, ...]


def write(folder: Path, checkpoint: Checkpoint, keep: int = 2) -> Path:
    """Writes the checkpoint into `folder`, then removes all but the newest `keep`.

    Raises `TrainingError` when the disk is full or cannot be written, which leaves every earlier
    checkpoint as it was.
    """
    path = folder / f"step-{checkpoint.step:09d}"
    draft = folder / f".{path.name}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _clear_drafts(folder)
        draft.mkdir()
        _fill(draft, checkpoint)
        if path.exists():  # from before a resume that found it damaged
            shutil.rmtree(path)
        os.replace(draft, path)
        _sync_folder(folder)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise TrainingError(_cannot_write(folder, checkpoint, error)) from error
    for old in steps(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return path


def _fill(draft: Path, checkpoint: Checkpoint) -> None:
    digests = {}
    for group, tensors in checkpoint.groups.items():
        content = save({key: np.asarray(tensors[key], order="C") for key in sorted(tensors)})
        digests[f"{group}.safetensors"] = hashlib.sha256(content).hexdigest()
        _write_file(draft / f"{group}.safetensors", content)
    state = {"version": VERSION, "step": checkpoint.step, "digests": digests}
    state["state"] = dict(checkpoint.state)
    state["digest"] = _digest(state)
    _write_file(draft / _STATE, json.dumps(state, sort_keys=True, indent=1).encode())
    _sync_folder(draft)


def _digest(state: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in state.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _write_file(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable; a file system that cannot does it in its own way."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _clear_drafts(folder: Path) -> None:
    for draft in folder.glob(".step-*"):
        shutil.rmtree(draft, ignore_errors=True)


def _cannot_write(folder: Path, checkpoint: Checkpoint, error: OSError) -> str:
    size = sum(t.nbytes for tensors in checkpoint.groups.values() for t in tensors.values())
    last = steps(folder)
    kept = f"the last good one is {last[-1]}" if last else "there is no earlier one"
    if error.errno in _FULL:
        why = f"the disk is full, it needs {size / 1e6:.1f} MB"
    else:
        why = (error.strerror or str(error)).lower()
    return (
        f"The checkpoint of step {checkpoint.step} could not be written to {folder}: {why}; "
        f"{kept}. Make room there and resume the run."
    )


def steps(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first, whole or not."""
    return sorted(path for path in folder.glob("step-*") if path.name[5:].isdigit())


def read(path: Path) -> Checkpoint:
    """The checkpoint in the folder `path`; `RunError` if a byte of it is missing or changed."""
    try:
        state = json.loads((path / _STATE).read_bytes())
        if not isinstance(state, dict) or state.get("digest") != _digest(state):
            raise RunError(f"{path / _STATE} does not have the content that was saved")
        groups = {}
        for name, digest in state["digests"].items():
            content = (path / name).read_bytes()
            if hashlib.sha256(content).hexdigest() != digest:
                raise RunError(f"{path / name} does not have the content that was saved")
            groups[name.removesuffix(".safetensors")] = load(content)
    except (OSError, ValueError, SafetensorError) as error:
        raise RunError(f"{path} cannot be read ({error})") from error
    if state["version"] != VERSION:
        raise RunError(f"{path} is of format {state['version']}, this version reads {VERSION}")
    return Checkpoint(state["step"], groups, state["state"])


def newest(folder: Path) -> Found | None:
    """The newest whole checkpoint in `folder`, or None where none was ever written.

    Raises `RunError` where all of them are damaged.
    """
    notices: list[str] = []
    for path in reversed(steps(folder)):
        try:
            return Found(read(path), path, tuple(notices))
        except RunError as error:
            notices.append(f"The checkpoint {path.name} is damaged and not used: {error}.")
    if notices:
        raise RunError(
            f"No checkpoint in {folder} can be used; start the run again. " + " ".join(notices)
        )
    return None


def differences(stored: Mapping[str, Any], here: Mapping[str, Any]) -> Sequence[str]:
    """The names of the things that differ between two fingerprints, sorted."""
    return sorted(k for k in {*stored, *here} if stored.get(k) != here.get(k))


@dataclass(frozen=True)
class Place:
    """Where a run keeps its checkpoints, and whether it goes on from them.

    events:   the file that the caller appends events to; a resumed run cuts it back to the length
        that it had at the checkpoint
    identity: what else must be the same on resume: digests of data and model, by name
    inexact:  resume although the identity differs, with the execution now asked for
    """

    folder: Path
    events: Path | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)
    resume: bool = False
    inexact: bool = False
