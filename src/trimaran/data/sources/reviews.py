"""A column of a table as texts with labels, and new texts in any form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trimaran.data.columns import find, guess_target
from trimaran.data.raw import RawTable, RawTexts
from trimaran.data.settings import DataSettings
from trimaran.data.sources.table import as_table
from trimaran.data.targets import RowName, plain_row
from trimaran.errors import DataError

_WORDS = 4.0  # a column of fewer words each holds names or categories, not texts
_DISTINCT = 0.5  # share of different values from which on a column holds texts


def objects(values: Sequence[Any]) -> np.ndarray:
    """A column of objects."""
    array = np.empty(len(values), object)
    array[:] = list(values)
    return array


def text_column(table: RawTable, settings: DataSettings) -> str | None:
    """The column to learn from: the one that is named, or the only one that holds texts while no
    other column is left to learn from."""
    if settings.text is not None:
        find(table, settings.text, "text")
        return settings.text
    if not len(table):
        return None
    target = settings.target or guess_target(table)
    aside = {target, settings.split_column, settings.group, settings.weights, *settings.drop}
    others = [name for name in table.columns if name not in aside]
    texts = [name for name in others if holds_texts(table.columns[name])]
    return texts[0] if len(texts) == 1 == len(others) else None


def holds_texts(values: np.ndarray) -> bool:
    """Whether a column holds sentences: several words each, and mostly different ones."""
    given = [v for v in values.tolist() if isinstance(v, str)] if values.dtype == object else []
    if not given:
        return False
    words = sum(len(text.split()) for text in given) / len(given)
    return words >= _WORDS and len(set(given)) >= _DISTINCT * len(given)


def from_column(table: RawTable, column: str, settings: DataSettings) -> RawTexts:
    """The texts of that column, with the labels, splits and groups of the others."""
    target = settings.target or guess_target(table)
    used = {column, target, settings.split_column, settings.group, *settings.drop}
    left = [name for name in table.columns if name not in used]
    told = (f"Only the text is learned from; not used: {', '.join(left)}.",) if left else ()
    if settings.weights is not None:
        raise DataError("data.weights is for tables of numbers and categories; leave it out here.")

    def aside(name: str | None, setting: str) -> np.ndarray | None:
        return None if name is None else find(table, name, setting)

    return RawTexts(
        table.name,
        table.columns[column],
        find(table, target, "target"),
        column=column,
        fixed=aside(settings.split_column, "split_column"),
        groups=aside(settings.group, "group"),
        where=table.where,
        first=table.first,
        facts={**table.facts, "target column": target, "text column": column},
        notices=(*table.notices, *told),
    )


def texts_of(raw: Any, column: str) -> tuple[Any, RowName]:
    """New texts, and how to name their rows: one text, a list of them, or a table's column."""
    if isinstance(raw, Path) or hasattr(raw, "columns") or isinstance(raw, Mapping | RawTable):
        table = raw if isinstance(raw, RawTable) else as_table(raw)
        return find(table, column, "text").tolist(), table.row
    return raw, plain_row
