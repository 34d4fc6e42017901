"""Weights of a file over weights that were drawn: where a training starts that is not from zero."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimaran.errors import RunError
from trimaran.spec import Model
from trimaran.weights import applications, formats
from trimaran.weights.store import check

Array = NDArray[Any]
COUNTS = "num_batches_tracked"


@dataclass(frozen=True)
class Overlaid:
    """`arrays` of the whole model; `drawn` are the keys of a head that the file could not fill;
    `notice` is a sentence on both."""

    arrays: dict[str, Array]
    drawn: tuple[str, ...]
    notice: str


def overlay(model: Model, drawn: Mapping[str, Array], path: str | os.PathLike[str]) -> Overlaid:
    """The file's arrays, and the drawn ones for a head of another number of classes.

    The file is a .safetensors of this model (a run's, or torchvision's checkpoint of a zoo
    architecture, whose keys are the same), or an HDF5 checkpoint of keras.applications. The head
    is the model's last layer with weights: where the file has none, or one of other units, it is
    drawn anew. Whatever else does not match is refused.

    Raises:
        RunError: the file cannot be read, is of another model, or holds values that are not finite.
    """
    where = str(path)
    held = formats.read(path)
    named = (
        applications.neutral(model, held.layers, where)
        if held.layers
        else applications.Named(dict(held.arrays))
    )
    found, told = named.arrays, [named.remark] if named.remark else []
    anew = _head(model, found)
    if anew:
        told.insert(0, _why(anew, model, found))
    counts = {k: a for k, a in drawn.items() if k.endswith(f".{COUNTS}")}  # old files have none
    arrays = {**counts, **found, **{key: drawn[key] for key in anew}}
    check(model, arrays, where)
    _finite(arrays, where)
    cast = {key: np.asarray(arrays[key], drawn[key].dtype, order="C") for key in drawn}
    notice = f"The weights start from {where}" + "".join(f"; {text}" for text in told) + "."
    return Overlaid(cast, tuple(anew), notice)


def _head(model: Model, found: Mapping[str, Array]) -> list[str]:
    """The keys of the last layer with weights, where the file's has other units, or is missing."""
    path = next(iter(reversed(model.parameters))).rpartition(".")[0]
    own = {k: p for k, p in model.parameters.items() if k.rpartition(".")[0] == path}
    absent = not any(key in found for key in own)
    other = all(key in found for key in own) and any(
        found[key].shape[1:] == tuple(p.shape)[1:] and len(found[key]) != p.shape[0]
        for key, p in own.items()
        if p.shape
    )
    return list(own) if absent or other else []


def _why(anew: list[str], model: Model, found: Mapping[str, Array]) -> str:
    path, units = anew[0].rpartition(".")[0], model.parameters[anew[0]].shape[0]
    has = f"has {len(found[anew[0]])} outputs" if anew[0] in found else "is missing"
    return f"its head {path} is drawn anew, since the file's {has} and this model's {units}"


def _finite(arrays: Mapping[str, Array], where: str) -> None:
    for key, values in arrays.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise RunError(
                f"{where}: {key} holds values that are not finite; take the file from its source "
                "again, or from an earlier run."
            )
