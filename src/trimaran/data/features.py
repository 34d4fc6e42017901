"""A table row as one float vector: numbers, then booleans, then one-hot categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trimaran.data.fields import Boolean, Category, Numbers
from trimaran.data.raw import RawTable
from trimaran.errors import DataError


@dataclass(frozen=True)
class TableField:
    """The columns of a table that the model sees, in the order of its input vector."""

    numbers: Numbers
    booleans: tuple[Boolean, ...]
    categories: tuple[Category, ...]

    @classmethod
    def fit(
        cls, columns: Mapping[str, np.ndarray], rows: np.ndarray, standard: bool = True
    ) -> TableField:
        """From the training `rows` (positions) of typed columns (float64, bool or object)."""
        numeric = [n for n, c in columns.items() if c.dtype.kind == "f"]
        flags = [n for n, c in columns.items() if is_boolean(c)]
        texts = [n for n in columns if n not in {*numeric, *flags}]
        return cls(
            Numbers.fit(numeric, stacked(columns, numeric, rows), standard),
            tuple(Boolean.fit(n, columns[n][rows]) for n in flags),
            tuple(Category.fit(n, columns[n][rows]) for n in texts),
        )

    @property
    def shape(self) -> tuple[int, ...]:
        width = self.numbers.width + len(self.booleans)
        return (width + sum(c.width for c in self.categories),)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each entry of the input vector; one-hot entries read "column=value"."""
        hot = [f"{c.name}={v}" for c in self.categories for v in (*c.values, "(unseen)")]
        return (*self.numbers.names, *(b.name for b in self.booleans), *hot)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a raw row must have."""
        flags, texts = (b.name for b in self.booleans), (c.name for c in self.categories)
        return (*self.numbers.names, *flags, *texts)

    def apply(self, table: RawTable) -> np.ndarray:
        """(N, width) float32. Raises `DataError` for a missing column or a text in a number."""
        lacking = [name for name in self.columns if name not in table.columns]
        if lacking:
            raise DataError(
                f"{table.where} has no column {lacking[0]!r}, which the model needs; it needs "
                f"{', '.join(self.columns)}."
            )
        every = slice(None)
        known = {n: as_numbers(table, n) for n in self.numbers.names}
        blocks = [self.numbers.apply(stacked(known, self.numbers.names, every, len(table)))]
        blocks += [b.apply(as_booleans(table, b.name)) for b in self.booleans]
        blocks += [c.apply(table.columns[c.name]) for c in self.categories]
        return np.concatenate(blocks, axis=1)

    def readable(self, row: np.ndarray) -> dict[str, Any]:
        """Column → value in the words and units of the table, of one (width,) row of `apply`."""
        at = self.numbers.width
        found: dict[str, Any] = dict(self.numbers.readable(row[:at]))
        for boolean in self.booleans:
            found[boolean.name] = "yes" if row[at] > 0.5 else "no"
            at += 1
        for category in self.categories:
            words = (*category.values, "(unseen)")
            found[category.name] = words[int(row[at : at + category.width].argmax())]
            at += category.width
        return found

    def to_json(self) -> dict[str, Any]:
        return {"kind": "table", **asdict(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> TableField:
        numbers = Numbers(**{k: tuple(v) for k, v in value["numbers"].items()})
        booleans = tuple(Boolean(**b) for b in value["booleans"])
        categories = tuple(Category(c["name"], tuple(c["values"])) for c in value["categories"])
        return cls(numbers, booleans, categories)


@dataclass(frozen=True)
class ArrayField:
    """Rows of an array: as they stand, or with each column standardised (`numbers`)."""

    shape: tuple[int, ...]
    numbers: Numbers | None = None

    @classmethod
    def fit(cls, values: np.ndarray, standard: bool) -> ArrayField:
        """From (N, *shape) training rows; only vectors are standardised."""
        if values.ndim != 2 or not standard:
            return cls(values.shape[1:])
        names = [f"x{k}" for k in range(values.shape[1])]
        return cls(values.shape[1:], Numbers.fit(names, values.astype(np.float64)))

    def apply(self, values: np.ndarray) -> np.ndarray:
        """(N, *shape) float32; a single row gets its first axis.

        Raises `DataError` for another shape, and for NaN or infinity where nothing fills them.
        """
        array = np.asarray(values)
        array = array[None] if array.shape == self.shape else array
        if array.shape[1:] != self.shape:
            raise DataError(
                f"The rows have the shape {array.shape[1:]}, but the model was trained on "
                f"{self.shape}; give as many values in the same order."
            )
        if self.numbers is not None:
            return self.numbers.apply(array.astype(np.float64))
        floats = array.astype(np.float32)
        bad = np.flatnonzero(~np.isfinite(floats).reshape(len(floats), -1).all(axis=1))
        if len(bad):
            raise DataError(
                f"row {bad[0]} of the input holds NaN or an infinite value ({len(bad)} such "
                f"row(s)); mend or remove those rows."
            )
        return floats

    def readable(self, row: np.ndarray) -> dict[str, Any]:
        """Name → value in the units of the data, of one vector that `apply` made."""
        if self.numbers is not None:
            return dict(self.numbers.readable(row))
        return {f"x{k}": value for k, value in enumerate(row.tolist())}

    def to_json(self) -> dict[str, Any]:
        numbers = None if self.numbers is None else asdict(self.numbers)
        return {"kind": "array", "shape": list(self.shape), "numbers": numbers}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ArrayField:
        held = value["numbers"]
        numbers = None if held is None else Numbers(**{k: tuple(v) for k, v in held.items()})
        return cls(tuple(value["shape"]), numbers)


def stacked(
    columns: Mapping[str, np.ndarray],
    names: Sequence[str],
    rows: np.ndarray | slice,
    count: int = 0,
) -> np.ndarray:
    """Number columns side by side: (N, d) float64, also for no column at all."""
    if not names:
        return np.empty((count if isinstance(rows, slice) else len(rows), 0))
    return np.stack([columns[name][rows] for name in names], axis=1).astype(np.float64)


def is_boolean(column: np.ndarray) -> bool:
    """True for a bool column, also with None in it; an all-empty column is not one."""
    if column.dtype.kind == "b":
        return True
    if column.dtype != object:
        return False
    kinds = {type(v) for v in column.tolist() if v is not None}
    return bool(kinds) and kinds <= {bool, np.bool_}


def as_numbers(table: RawTable, name: str) -> np.ndarray:
    """A column as float64; raises `DataError` naming the row of a text that is no number."""
    column = table.columns[name]
    if column.dtype != object:
        return column.astype(np.float64)
    values = np.full(len(column), np.nan)
    for row, value in enumerate(column.tolist()):
        try:
            values[row] = np.nan if value is None else float(value)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{table.row(row)} has {value!r} in the column {name!r}, where training had "
                f"numbers; write a number or leave it empty."
            ) from error
    return values


def as_booleans(table: RawTable, name: str) -> np.ndarray:
    """A column of True, False and None; raises `DataError` naming the row of anything else."""
    words = {"true": True, "yes": True, "1": True, "1.0": True}
    words |= {"false": False, "no": False, "0": False, "0.0": False}
    result = np.empty(len(table), object)
    for row, value in enumerate(table.columns[name].tolist()):
        blank = value is None or value != value
        known = words.get(str(value).strip().lower())
        if known is None and not blank:
            raise DataError(
                f"{table.row(row)} has {value!r} in the column {name!r}, where training had yes "
                f"or no; write true, false or leave it empty."
            )
        result[row] = known
    return result
