"""What a source hands over: rows as they were found, before any split or scaling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class RawImages:
    """Pictures in memory.

    images:  (N, height, width, channels) uint8, or float32 that is used as it stands
    labels:  (N,) numbers or texts as found, or (N, k) numbers
    classes: names of the labels 0, 1, ..., where the source knows them
    parts:   split name -> positions, where the source is split already
    top:     the stored value that stands for 1.0 (255 for ordinary pictures)
    origins: file of each row, for messages; empty where rows have no file
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...] = ()
    parts: Mapping[str, np.ndarray] | None = None
    top: float = 255.0
    origins: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def row(self, position: int) -> str:
        """How to name a row to its owner."""
        return self.origins[position] if self.origins else f"{self.name} row {position}"


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Pictures too many for memory, which stay on disk; fields as in `RawImages`.

    shape: (height, width, channels) to which each is brought when it is read
    """

    name: str
    paths: tuple[Path, ...]
    labels: np.ndarray
    shape: tuple[int, int, int]
    parts: Mapping[str, np.ndarray] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)

    def row(self, position: int) -> str:
        """How to name a row to its owner."""
        return str(self.paths[position])


@dataclass(frozen=True, eq=False)
class RawTexts:
    """Texts in memory; fields as in `RawImages`.

    texts:  (N,) objects, each a text or what stands in its place
    column: what the column is called that they are from
    fixed:  (N,) words that name each row's split, groups: (N,) values that stay together, or None
    where, first: as in `RawTable`
    """

    name: str
    texts: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...] = ()
    parts: Mapping[str, np.ndarray] | None = None
    column: str = "text"
    fixed: np.ndarray | None = None
    groups: np.ndarray | None = None
    origins: tuple[str, ...] = ()
    where: str = ""
    first: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def row(self, position: int) -> str:
        """How to name a row to its owner."""
        if self.origins:
            return self.origins[position]
        return f"{self.where or self.name} row {position + self.first}"


@dataclass(frozen=True, eq=False)
class RawTable:
    """Named columns of N values: float64, bool, or object holding texts and None.

    where: the file, for messages; first: the number that the file's reader sees at row 0
    (2 in a CSV, whose first line is the header)
    """

    name: str
    columns: Mapping[str, np.ndarray]
    where: str = "the table"
    first: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def row(self, position: int) -> str:
        """How to name a row to its owner."""
        return f"{self.where} row {position + self.first}"


@dataclass(frozen=True, eq=False)
class RawArrays:
    """Rows of any shape: inputs (N, *shape) numbers, labels (N,) or (N, k).

    where: the file, for messages; "" where the rows have none
    """

    name: str
    inputs: np.ndarray
    labels: np.ndarray
    parts: Mapping[str, np.ndarray] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    where: str = ""

    def __len__(self) -> int:
        return len(self.labels)

    def row(self, position: int) -> str:
        """How to name a row to its owner."""
        return f"{self.where} row {position}".strip()
