"""Rows that a model can eat: arrays in memory, their targets, weights and origins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from trimaran.errors import DataError

INPUT, OUTPUT = "input", "output"
"""What the input and the output of one of each are called."""


@dataclass(frozen=True)
class Affine:
    """float = stored * scale + offset, channel by channel along the last axis.

    One number stands for every channel. Raises `DataError` where the two differ in length or a
    number is not finite.
    """

    scale: tuple[float, ...]
    offset: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.scale or len(self.scale) != len(self.offset):
            raise DataError(
                f"An affine map needs one scale and one offset per channel, but got "
                f"{len(self.scale)} scales and {len(self.offset)} offsets."
            )
        if not all(map(math.isfinite, (*self.scale, *self.offset))):
            raise DataError(
                f"An affine map needs finite numbers, but got scale {self.scale} and offset "
                f"{self.offset}; a constant channel wants the scale 1."
            )

    def apply(self, stored: np.ndarray) -> np.ndarray:
        """The float32 values of `stored` (..., channels); needs as many channels, or one number."""
        if len(self.scale) not in (1, stored.shape[-1]):
            raise DataError(
                f"An affine map of {len(self.scale)} channels cannot be applied to an array of "
                f"shape {stored.shape}; fit the preprocessing on data of the same shape."
            )
        values: np.ndarray = np.multiply(
            stored, np.asarray(self.scale, np.float32), dtype=np.float32
        )
        values += np.asarray(self.offset, np.float32)
        return values

    def to_json(self) -> dict[str, list[float]]:
        return {"scale": list(self.scale), "offset": list(self.offset)}

    @classmethod
    def from_json(cls, value: Mapping[str, list[float]]) -> Affine:
        return cls(tuple(value["scale"]), tuple(value["offset"]))


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of one split, resident in memory.

    inputs:   name -> (N, *shape), channels last; uint8 stays small and meets `affine` late; int32
              are numbers that name something (words, characters)
    targets:  output name -> (N,) or (N, steps) int64 class numbers, or (N, k) float32 values
    weights:  (N,) float32, each at least 0, or None when every row counts the same
    ids:      (N,) int64 numbers of the rows at their origin: they key augmentation and name errors
    affine:   input name -> how its stored values become floats; a missing name means "as stored"
    lengths:  input name -> (N,) steps of each row before its padding, for inputs (N, time); what
              all rows of a batch have as padding may be left out of it

    Raises `DataError` where the lengths disagree.
    """

    inputs: Mapping[str, np.ndarray]
    targets: Mapping[str, np.ndarray]
    weights: np.ndarray | None
    ids: np.ndarray
    affine: Mapping[str, Affine] = field(default_factory=dict)
    lengths: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _same_length(self)
        _sound_weights(self.weights, self.ids)
        unknown = sorted(set(self.affine) - set(self.inputs))
        if unknown:
            raise DataError(
                f"The affine map {unknown[0]!r} belongs to no input; the inputs are "
                f"{', '.join(sorted(self.inputs))}."
            )

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, index: np.ndarray) -> Rows:
        """The rows at `index` (positions, not ids), in that order."""
        return Rows(
            {name: values[index] for name, values in self.inputs.items()},
            {name: values[index] for name, values in self.targets.items()},
            None if self.weights is None else self.weights[index],
            self.ids[index],
            self.affine,
            {name: values[index] for name, values in self.lengths.items()},
        )

    def cut(self) -> Rows:
        """The rows without what is padding in all of them, but for so much that an input keeps one
        of `SIZES` lengths, since some frameworks make a program for each."""
        lengths = self.lengths
        kept = {name: _kept(values, lengths.get(name)) for name, values in self.inputs.items()}
        return replace(self, inputs=kept)

    def floats(self, name: str = "input") -> np.ndarray:
        """The input `name` as the model receives it: float32, or int32 numbers that name
        something."""
        stored = self.inputs[name]
        if name in self.affine:
            return self.affine[name].apply(stored)
        if stored.dtype == np.int32:
            return stored
        return np.asarray(stored, np.float32)


def unpacked(
    inputs: Mapping[str, np.ndarray], affine: Mapping[str, Affine] | None
) -> dict[str, np.ndarray]:
    """The inputs, those with an affine map as floats."""
    maps = affine or {}
    return {n: maps[n].apply(values) if n in maps else values for n, values in inputs.items()}


def consecutive(rows: int, size: int) -> list[np.ndarray]:
    """The positions of so many rows in their order, `size` to a batch."""
    return [np.arange(i, min(i + size, rows)) for i in range(0, rows, size)]


SIZES = 4
"""Lengths to which padded rows are cut: quarters of the whole."""


def _kept(values: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
    if lengths is None:
        return values
    full, longest = values.shape[1], int(lengths.max(initial=1))
    share = max(1, -(-longest * SIZES // full))  # rounded up
    return values[:, : -(-full * share // SIZES)]


def _same_length(rows: Rows) -> None:
    if not rows.inputs:
        raise DataError("Rows need at least one input array, but got none.")
    columns = {f"input {k!r}": v for k, v in rows.inputs.items()}
    columns |= {f"target {k!r}": v for k, v in rows.targets.items()}
    if rows.weights is not None:
        columns["sample weights"] = rows.weights
    for name, values in columns.items():
        if values.ndim == 0 or len(values) != len(rows.ids):
            raise DataError(
                f"The {name} has {values.shape[0] if values.ndim else 'no'} rows where "
                f"{len(rows.ids)} ids were given; every array needs one entry per row."
            )


def _sound_weights(weights: np.ndarray | None, ids: np.ndarray) -> None:
    if weights is None:
        return
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        at = int(np.argmax(bad))
        raise DataError(
            f"The sample weight of row {ids[at]} is {weights[at]}; a weight must be a finite "
            f"number of at least 0."
        )
