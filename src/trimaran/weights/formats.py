"""Files of weights that others wrote, as arrays: safetensors, and Keras's HDF5. Never a pickle."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimaran.errors import RunError
from trimaran.weights.store import load

Array = NDArray[Any]
PICKLES = (".pth", ".pt", ".bin", ".ckpt", ".pkl", ".pickle", ".tar")
TORCH_ZIP, PICKLE, HDF5 = b"PK\x03\x04", b"\x80", b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Held:
    """What a file holds: `arrays` by PyTorch's keys, or, from Keras, `layers`: each layer's arrays
    in the order in which Keras keeps them."""

    arrays: Mapping[str, Array] = field(default_factory=dict)
    layers: Mapping[str, Sequence[Array]] = field(default_factory=dict)


def read(path: str | os.PathLike[str]) -> Held:
    """The arrays of a .safetensors, .weights.h5 or .h5 file.

    Raises:
        RunError: no such file, a pickle, another format, or a file that is cut off.
    """
    target = Path(path)
    if not target.is_file():
        raise RunError(f"{path}: no such file; give the path of a .safetensors or .h5 file.")
    start = _start(target)
    if target.suffix == ".keras":
        raise RunError(
            f"{path} holds a whole Keras model; give its weights alone, saved by "
            "model.save_weights('x.weights.h5'), or bring the model in with 'trimaran convert'."
        )
    if target.suffix in PICKLES or _is_pickle(start):
        raise RunError(
            f"{path} is a pickle, which can run any code when it is read, so Trimaran reads none; "
            'turn it into safetensors once, where you trust it: python -c "import torch, '
            f"safetensors.torch as s; s.save_file(torch.load('{target.name}', weights_only=True), "
            f"'{target.stem}.safetensors')\""
        )
    return Held(layers=_layers(target)) if start.startswith(HDF5) else Held(arrays=load(target))


def digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of the file."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}); restore the file.") from None


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(9)
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}); check its rights.") from None


def _is_pickle(start: bytes) -> bool:
    """A safetensors file begins with a length in eight bytes, of which the first may be anything,
    and then an opening brace."""
    return start[8:] != b"{" and start.startswith((TORCH_ZIP, PICKLE))


def _layers(path: Path) -> dict[str, list[Array]]:
    try:
        import h5py
    except ModuleNotFoundError:
        raise RunError(
            f'{path} is HDF5, for which h5py is needed; run: pip install "trimaran[keras]"'
        ) from None
    try:
        with h5py.File(path, "r") as file:
            root = file.get("model_weights", file)  # a whole model keeps its weights inside
            return _legacy(root) if "layer_names" in root.attrs else _by_variables(root)
    except (OSError, KeyError, ValueError) as error:
        raise RunError(
            f"{path}: not a whole file of Keras weights ({error}); take it from its source again."
        ) from None


def _legacy(root: Any) -> dict[str, list[Array]]:
    """Keras 2's layout, in which keras.applications' files are published: a group per layer, and
    the names of its arrays in order as an attribute."""
    found = {}
    for raw in root.attrs["layer_names"]:
        name, group = _text(raw), root[_text(raw)]
        arrays = [np.asarray(group[_text(key)]) for key in group.attrs["weight_names"]]
        if arrays:
            found[name] = arrays
    return found


def _by_variables(root: Any) -> dict[str, list[Array]]:
    """Keras 3's `.weights.h5`: layers/KIND_NUMBER/vars/0, 1, ..., the layer's name an attribute."""
    found: dict[str, list[Array]] = {}

    def visit(path: str, item: Any) -> None:
        if path.rpartition("/")[2] == "vars" and len(item):
            order = sorted(item, key=int)
            name = _text(item.attrs.get("name", path))
            found[name] = [np.asarray(item[key]) for key in order]

    root.visititems(visit)
    return found


def _text(raw: Any) -> str:
    return raw.decode() if isinstance(raw, bytes) else str(raw)
