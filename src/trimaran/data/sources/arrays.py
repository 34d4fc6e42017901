"""NumPy archives (.npz): inputs and targets, maybe split already; pickled objects are refused."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from trimaran.data.raw import RawArrays, RawImages
from trimaran.errors import DataError

# (inputs, targets) by the names that people give them
_PAIRS = (("x", "y"), ("X", "y"), ("images", "labels"), ("data", "target"), ("inputs", "targets"))
_SPLITS = (
    ("x_train", "y_train", "train"),
    ("x_val", "y_val", "validation"),
    ("x_validation", "y_validation", "validation"),
    ("x_test", "y_test", "test"),
)


def read_npz(path: Path, target: str | None = None) -> RawArrays | RawImages:
    """The arrays x and y (or X, images/labels, data/target), or x_train, y_train, x_test, ...

    target: the name of the target array, where it is another one; the inputs are then the only
    other array. Raises `DataError` naming the file and the array that does not fit.
    """
    arrays = _open(path)
    parts = None
    if "x_train" in arrays and "y_train" in arrays and target is None:
        x, y, parts = _joined(path, arrays)
    else:
        names = _pair(path, arrays, target)
        x, y = arrays[names[0]], arrays[names[1]]
    if x.ndim < 2 or len(x) != len(y) or x.dtype.kind not in "fiub":
        raise DataError(
            f"{path} has inputs of shape {x.shape} ({x.dtype}) and targets of shape {y.shape}; "
            f"expected numbers (N, ...) and as many targets."
        )
    facts = {"origin": str(path), "licence": "your own data"}
    if x.dtype == np.uint8 and x.ndim in (3, 4):
        pictures = x if x.ndim == 4 else x[..., None]
        return RawImages(path.stem, pictures, y, parts=parts, facts=facts)
    return RawArrays(path.stem, x, y, parts=parts, facts=facts, where=str(path))


def _open(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as bundle:
            return {name: bundle[name] for name in bundle.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} is not a readable .npz of plain arrays ({error}); save it again with "
            f"numpy.savez, without objects."
        ) from error


def _pair(path: Path, arrays: dict[str, np.ndarray], target: str | None) -> tuple[str, str]:
    if target is not None:
        others = [name for name in arrays if name != target]
        if target in arrays and len(others) == 1:
            return others[0], target
    else:
        for pair in _PAIRS:
            if pair[0] in arrays and pair[1] in arrays:
                return pair
    raise DataError(
        f"{path} holds the arrays {', '.join(arrays) or 'none'}; expected x and y, or x_train and "
        f"y_train with x_test and y_test."
    )


def _joined(path: Path, arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, Any]:
    inputs: list[np.ndarray] = []
    targets: list[np.ndarray] = []
    parts: dict[str, np.ndarray] = {}
    start = 0
    for x, y, split in _SPLITS:
        if x not in arrays:
            continue
        if y not in arrays or len(arrays[y]) != len(arrays[x]):
            raise DataError(f"{path} has {x} with {len(arrays[x])} rows, but no {y} as long.")
        if inputs and arrays[x].shape[1:] != inputs[0].shape[1:]:
            raise DataError(
                f"{path} has {x} rows of shape {arrays[x].shape[1:]}, but the first split has "
                f"{inputs[0].shape[1:]}."
            )
        inputs.append(arrays[x])
        targets.append(arrays[y])
        parts[split] = np.arange(start, start + len(arrays[x]))
        start += len(arrays[x])
    return np.concatenate(inputs), np.concatenate(targets), parts
