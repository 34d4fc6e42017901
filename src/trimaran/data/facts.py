"""What the report says of the data: counts, classes, duplicates, and a digest of every row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from trimaran.data.batches import Rows
from trimaran.data.preprocess import OUTPUT
from trimaran.data.targets import Labels, Values

if TYPE_CHECKING:
    from trimaran.data.stream import Stream


def describe(splits: Mapping[str, Rows | Stream], target: Labels | Values) -> dict[str, Any]:
    """JSON-ready facts of prepared splits."""
    facts: dict[str, Any] = {"rows": {name: len(rows) for name, rows in splits.items()}}
    if isinstance(target, Labels):
        facts["classes"] = {
            name: dict(zip(target.names, counts(rows, target.size), strict=True))
            for name, rows in splits.items()
        }
    else:
        facts["target"] = {"mean": list(target.center), "deviation": list(target.scale)}
    facts["digest"] = digest(splits)
    return facts


def counts(rows: Rows | Stream, size: int) -> list[int]:
    """Rows of each class."""
    return [int(n) for n in np.bincount(rows.targets[OUTPUT], minlength=size)]


def digest(splits: Mapping[str, Rows | Stream]) -> str:
    """SHA-256 of names, types, shapes and bytes of every array, so a resumed run can compare."""
    total = hashlib.sha256()
    for name, rows in splits.items():
        arrays: dict[str, np.ndarray] = {f"target {k}": v for k, v in rows.targets.items()}
        arrays["ids"] = rows.ids
        if isinstance(rows, Rows):
            arrays |= {f"input {k}": v for k, v in rows.inputs.items()}
        if rows.weights is not None:
            arrays["weights"] = rows.weights
        for key in sorted(arrays):
            values = np.ascontiguousarray(arrays[key])
            total.update(f"{name}/{key} {values.dtype} {values.shape}".encode())
            total.update(values.data)
    return total.hexdigest()
