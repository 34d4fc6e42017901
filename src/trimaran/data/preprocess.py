"""The fitted preparation of a run: raw rows to model rows, predictions back to the data's terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimaran.data.batches import INPUT as INPUT
from trimaran.data.batches import OUTPUT as OUTPUT
from trimaran.data.batches import Rows
from trimaran.data.features import ArrayField, TableField
from trimaran.data.fields import ImageField
from trimaran.data.raw import RawTable
from trimaran.data.series.field import SeriesField
from trimaran.data.series.latest import latest
from trimaran.data.targets import RowName, Target, plain_row, target_from_json
from trimaran.data.textfield import TextField
from trimaran.data.texts.field import PaddedText
from trimaran.errors import RunError

Field = ImageField | TableField | ArrayField | TextField | PaddedText | SeriesField
_VERSION = 1


@dataclass(frozen=True)
class Preprocess:
    """Fields by input name and targets by output name, fitted on the training split only."""

    inputs: Mapping[str, Field]
    outputs: Mapping[str, Target]

    def apply(self, raw: Any) -> Rows:
        """New raw rows as model rows without targets; several inputs come as a mapping of arrays.

        raw: pictures as an array, a file, a folder or a list of files; table rows as a pandas or
        polars frame, a mapping of columns, a list of mappings, or a file; texts as one, a list, or
            a table with their column; or a plain array.
        Raises `DataError` naming what does not fit.
        """
        given = raw if len(self.inputs) > 1 else {next(iter(self.inputs)): raw}
        inputs = {name: _apply(field, given[name]) for name, field in self.inputs.items()}
        ids = np.arange(len(next(iter(inputs.values()))), dtype=np.int64)
        return Rows(inputs, {}, None, ids, self.affine())

    def encode(self, labels: Any, output: str = OUTPUT, row: RowName = plain_row) -> np.ndarray:
        """Raw targets as the loss wants them; raises `DataError` for a label never seen."""
        return self.outputs[output].encode(np.asarray(labels), row)

    def decode(self, values: np.ndarray, output: str = OUTPUT) -> np.ndarray:
        """Class numbers as labels, or standardised values in the data's units."""
        return self.outputs[output].decode(values)

    def affine(self) -> dict[str, Any]:
        """The maps from stored uint8 to floats, by input name."""
        images = {n: f for n, f in self.inputs.items() if isinstance(f, ImageField)}
        return {n: f.affine for n, f in images.items() if f.affine is not None}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` gives an equal object back."""
        return {
            "version": _VERSION,
            "inputs": {name: field.to_json() for name, field in self.inputs.items()},
            "outputs": {name: target.to_json() for name, target in self.outputs.items()},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Preprocess:
        """Raises `RunError` for a file of another version or without its parts."""
        if value.get("version") != _VERSION:
            raise RunError(
                f"preprocess.json has version {value.get('version')!r}, expected {_VERSION}; "
                f"use the Trimaran that wrote it."
            )
        kinds: dict[str, Any] = {
            "image": ImageField,
            "table": TableField,
            "array": ArrayField,
            "text": TextField,
            "texts": PaddedText,
            "series": SeriesField,
        }
        try:
            inputs: dict[str, Field] = {
                n: kinds[f["kind"]].from_json(f) for n, f in value["inputs"].items()
            }
            outputs = {n: target_from_json(t) for n, t in value["outputs"].items()}
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"preprocess.json is damaged at {error}; train again.") from error
        return cls(inputs, outputs)


def _apply(field: Field, raw: Any) -> np.ndarray:
    if isinstance(field, TableField):
        from trimaran.data.sources.table import as_table

        return field.apply(raw if isinstance(raw, RawTable) else as_table(raw))
    if isinstance(field, SeriesField):
        return latest(field, field.read(raw)).windows
    if isinstance(field, ImageField):
        from trimaran.data.sources.pictures import as_pictures

        return field.apply(as_pictures(raw, field))
    if isinstance(field, PaddedText):
        from trimaran.data.sources.reviews import texts_of

        return field.apply(*texts_of(raw, field.column))
    return field.apply(raw if isinstance(field, TextField) else np.asarray(raw))
