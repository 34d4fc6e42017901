"""Rows with answers that a run has not seen, in the terms of its fitted preprocessing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trimaran.data.batches import Rows
from trimaran.data.prepare import load_path
from trimaran.data.preprocess import OUTPUT
from trimaran.data.raw import ImageFiles, RawArrays, RawImages, RawTable
from trimaran.errors import DataError

if TYPE_CHECKING:
    from trimaran.runs import Run


def rows(run: Run, data: Any) -> Rows:
    """Model-ready rows with targets.

    Args:
        data: a path as in a recipe's `data.path`, or a pair (inputs, labels).

    Raises:
        DataError: other columns or shapes than the run learned from, or a label it never saw.
    """
    inputs, labels = data if isinstance(data, tuple) else _from_path(run, Path(data))
    found = run.preprocess.apply(inputs)
    if len(found) != len(labels):
        raise DataError(f"There are {len(found)} rows, but {len(labels)} labels; give one for each.")
    return replace(found, targets={OUTPUT: run.preprocess.encode(labels)})


def _from_path(run: Run, path: Path) -> tuple[Any, np.ndarray]:
    settings = replace(run.recipe.data_settings(), set=None, path=str(path))
    raw = load_path(path.expanduser(), settings)
    match raw:
        case RawTable():
            return raw, _column(raw, settings.target)
        case RawImages():
            return raw.images, raw.labels
        case RawArrays():
            return raw.inputs, raw.labels
        case ImageFiles():
            return list(raw.paths), raw.labels


def _column(table: RawTable, target: str | None) -> np.ndarray:
    if target is None or target not in table.columns:
        raise DataError(
            f"{table.where} has no column {target!r} with the true answers; add it, or use "
            "'trimaran predict' for rows without answers."
        )
    return table.columns[target]
