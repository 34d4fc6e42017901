"""A table as material: its target, its roles, its features."""

from __future__ import annotations

import numpy as np

from trimaran.data.batches import Rows
from trimaran.data.columns import find, guess_target, usable_columns
from trimaran.data.features import TableField, as_numbers
from trimaran.data.fields import as_texts
from trimaran.data.material import Material, infer_task, refuse_one_class, usable
from trimaran.data.preprocess import INPUT, OUTPUT, Field
from trimaran.data.raw import RawTable
from trimaran.data.settings import DataSettings
from trimaran.data.splits import SPELLINGS
from trimaran.errors import DataError


def from_table(table: RawTable, settings: DataSettings) -> Material:
    """The material of a table; raises `DataError` naming the column, and the row where it can."""
    if not len(table):
        raise DataError(f"{table.where} has no rows; expected a header and rows of values.")
    target = settings.target or guess_target(table)
    labels = find(table, target, "target")
    allowed, told = usable(labels, settings, table.row)
    task = infer_task(labels[allowed], settings.task)
    if task == "classify":
        refuse_one_class(table.name, labels[allowed])
    columns, notices = usable_columns(table, target, task, settings)
    standard = settings.normalize in ("auto", "standard")

    def fit(train: np.ndarray) -> Field:
        return TableField.fit(columns, train, standard)

    def fetch(
        field: Field, positions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None
    ) -> Rows:
        assert isinstance(field, TableField)
        part = RawTable(table.name, {n: c[positions] for n, c in columns.items()}, table.where)
        return Rows({INPUT: field.apply(part)}, {OUTPUT: targets}, weights, positions)

    return Material(
        name=table.name,
        labels=labels,
        fit=fit,
        fetch=fetch,
        allowed=allowed,
        fixed=_fixed(table, settings.split_column),
        groups=None if settings.group is None else as_texts(find(table, settings.group, "group")),
        weights=_weights(table, settings.weights),
        row=table.row,
        facts={**table.facts, "target column": target, "columns": list(columns)},
        notices=(*table.notices, *told, *notices),
    )


def _fixed(table: RawTable, column: str | None) -> np.ndarray | None:
    if column is None:
        return None
    words = as_texts(find(table, column, "split_column"))
    for position, word in enumerate(words.tolist()):
        if word.strip().lower() not in SPELLINGS:
            raise DataError(
                f"{table.row(position)} has {word!r} in the split column {column!r}; expected "
                f"train, validation or test."
            )
    return words


def _weights(table: RawTable, column: str | None) -> np.ndarray | None:
    if column is None:
        return None
    find(table, column, "weights")
    values = as_numbers(table, column)
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(bad):
        raise DataError(
            f"{table.row(int(bad[0]))} has the weight {values[bad[0]]} in the column {column!r} "
            f"({len(bad)} such row(s)); a weight is a finite number of at least 0."
        )
    return values.astype(np.float32)
