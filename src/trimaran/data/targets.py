"""What is predicted: classes as whole numbers, values as standardised floats, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trimaran.data.series.target import Forecast
from trimaran.errors import DataError

RowName = Callable[[int], str]


def plain_row(position: int) -> str:
    return f"row {position}"


@dataclass(frozen=True)
class Labels:
    """Classes: `values` as the data writes them (sorted), `names` as people read them."""

    values: tuple[str | int | float | bool, ...]
    names: tuple[str, ...]

    @classmethod
    def fit(cls, labels: np.ndarray, names: tuple[str, ...] = ()) -> Labels:
        """The classes among `labels` (N,); `names` belong to the labels 0, 1, ..., if given."""
        values = tuple(v.item() if isinstance(v, np.generic) else v for v in distinct(labels))
        if names and values == tuple(range(len(values))) and len(names) == len(values):
            return cls(values, names)
        return cls(
            values, tuple(names[v] if names and isinstance(v, int) else str(v) for v in values)
        )

    @property
    def size(self) -> int:
        return len(self.values)

    def encode(self, labels: np.ndarray, row: RowName = plain_row) -> np.ndarray:
        """(N,) int64 class numbers. Raises `DataError` for a label that training never saw."""
        found, codes = np.unique(comparable(labels), return_inverse=True)
        number = {v: k for k, v in enumerate(comparable(np.array(self.values)).tolist())}
        table = np.array([number.get(v, -1) for v in found.tolist()], np.int64)
        encoded = table[codes] if len(table) else np.empty(0, np.int64)
        unknown = np.flatnonzero(encoded < 0)
        if len(unknown):
            at = int(unknown[0])
            raise DataError(
                f"{row(at)} has the label {str(labels[at])!r}, which training never saw "
                f"({len(unknown)} such row(s)); known are {_some(self.names)}. Correct the label, "
                f"or train with rows of that class."
            )
        return encoded

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """The labels, as the data writes them, of class numbers of any shape."""
        return np.asarray(np.array(self.values)[codes])

    def to_json(self) -> dict[str, Any]:
        return {"kind": "classes", "values": list(self.values), "names": list(self.names)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Labels:
        return cls(tuple(value["values"]), tuple(value["names"]))


@dataclass(frozen=True)
class Values:
    """Numbers: (value - center) / scale, one of each for every column of the target."""

    center: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def fit(cls, values: np.ndarray) -> Values:
        """Mean and standard deviation of (N, k) values; a constant column keeps the scale 1."""
        deviation = values.std(axis=0)
        return cls(
            tuple(values.mean(axis=0).tolist()),
            tuple(np.where(deviation > 0, deviation, 1.0).tolist()),
        )

    @property
    def size(self) -> int:
        return len(self.center)

    def encode(self, values: np.ndarray, row: RowName = plain_row) -> np.ndarray:
        """(N, k) float32. Raises `DataError` for a value that is not a finite number."""
        matrix = as_matrix(values)
        if matrix.shape[1] != self.size:
            raise DataError(
                f"The target has {matrix.shape[1]} column(s), but training had {self.size}."
            )
        bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
        if len(bad):
            raise DataError(
                f"{row(int(bad[0]))} has the target {values[bad[0]]} ({len(bad)} such row(s)); "
                f"a target must be a finite number, so mend the rows or set data.on_bad=drop."
            )
        return ((matrix - self.center) / self.scale).astype(np.float32)

    def decode(self, standard: np.ndarray) -> np.ndarray:
        """Float64 values in the data's own units from (N, k) standardised ones."""
        return np.asarray(standard, np.float64) * self.scale + self.center

    def to_json(self) -> dict[str, Any]:
        return {"kind": "number", "center": list(self.center), "scale": list(self.scale)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Values:
        return cls(tuple(value["center"]), tuple(value["scale"]))


@dataclass(frozen=True)
class Tokens:
    """The token after each of a text's, out of `size`; `unit` says what a token is. The first
    `context` of a row are not scored."""

    size: int
    unit: str
    context: int = 0

    def encode(self, tokens: np.ndarray, row: RowName = plain_row) -> np.ndarray:
        """(N, length) int64 token numbers, as they are."""
        return np.asarray(tokens, np.int64)

    def decode(self, tokens: np.ndarray) -> np.ndarray:
        """Token numbers, as they are: the input's tokenizer turns them into text."""
        return tokens

    def to_json(self) -> dict[str, Any]:
        return {"kind": "tokens", **asdict(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Tokens:
        return cls(value["size"], value["unit"], value.get("context", 0))


Target = Labels | Values | Tokens | Forecast


def target_from_json(value: Mapping[str, Any]) -> Target:
    if value["kind"] == "series":
        return Forecast.from_json(value)
    if value["kind"] == "tokens":
        return Tokens.from_json(value)
    return Labels.from_json(value) if value["kind"] == "classes" else Values.from_json(value)


def as_matrix(values: np.ndarray) -> np.ndarray:
    """(N,) or (N, k) numbers as (N, k) float64."""
    matrix = np.asarray(values, np.float64)
    return matrix[:, None] if matrix.ndim == 1 else matrix


def comparable(labels: np.ndarray) -> np.ndarray:
    """Labels in a form that sorts: whole floats become integers, and mixed objects texts."""
    if labels.dtype == object:
        return np.array([str(v) for v in labels.tolist()]) if len(labels) else labels.astype(str)
    if labels.dtype.kind == "f" and np.all(np.mod(labels, 1) == 0):
        return labels.astype(np.int64)
    return labels


def distinct(labels: np.ndarray) -> np.ndarray:
    """The sorted different labels of (N,)."""
    if labels.dtype.kind in "ui" and len(labels) and 0 <= labels.min() <= labels.max() < 1 << 16:
        return np.flatnonzero(np.bincount(labels)).astype(np.int64)  # no sort of 60,000 labels
    return np.unique(comparable(labels))


def missing(labels: np.ndarray) -> np.ndarray:
    """(N,) booleans: None, NaN, infinity or empty text; for (N, k), any of the row's."""
    if labels.dtype == object:
        return np.array([v is None or v != v or v == "" for v in labels.tolist()], bool)
    if labels.dtype.kind in "fc":
        bad = ~np.isfinite(labels)
        return np.asarray(bad if bad.ndim == 1 else bad.any(axis=tuple(range(1, bad.ndim))))
    return np.zeros(len(labels), bool)


def present(labels: np.ndarray) -> np.ndarray:
    """Those that are not missing: a missing one is no class."""
    return np.asarray(labels[~missing(labels)])


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:20])
    return shown if len(names) <= 20 else f"{shown} and {len(names) - 20} more"
