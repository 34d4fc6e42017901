"""What a run answers for new rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from trimaran.backends.protocol import Network
from trimaran.data.preprocess import Preprocess
from trimaran.errors import DataError
from trimaran.steps.scoring import answers, chances, output_of


@dataclass(frozen=True, eq=False)
class Predictions:
    """One answer per row.

    values:        (N,) class labels as the data writes them, or (N, k) numbers in its units
    probabilities: (N, classes), or None for numbers
    classes:       names of the columns of `probabilities`
    names:         what each row is called, where it has a name (a file)
    """

    values: np.ndarray
    probabilities: np.ndarray | None
    classes: tuple[str, ...]
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.values, dtype)

    def rows(self) -> list[dict[str, Any]]:
        """A flat mapping per row, ready for CSV and JSON."""
        return [self._row(number) for number in range(len(self))]

    def _row(self, number: int) -> dict[str, Any]:
        row: dict[str, Any] = {"row": number}
        if self.names:
            row["input"] = self.names[number]
        if self.probabilities is None:
            values = [float(f"{v:.7g}") for v in np.atleast_1d(self.values[number]).tolist()]
            names = ["value"] if len(values) == 1 else [f"value{i}" for i in range(len(values))]
            return row | dict(zip(names, values, strict=True))
        shares = self.probabilities[number].astype(float).tolist()
        best = max(range(len(shares)), key=shares.__getitem__)
        row |= {"class": self.classes[best], "probability": round(shares[best], 6)}
        columns = (f"p({name})" for name in self.classes)
        return row | {k: round(v, 6) for k, v in zip(columns, shares, strict=True)}

    def __repr__(self) -> str:
        shown = ", ".join(map(str, self.values[:8].tolist()))
        return f"Predictions({shown}{', …' if len(self) > 8 else ''}; {len(self)} rows)"

    def _repr_html_(self) -> str:
        rows = self.rows()[:20]
        heads = "".join(f"<th>{escape(str(key))}</th>" for key in (rows[0] if rows else ()))
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row.values()) + "</tr>"
            for row in rows
        )
        return f"<table><tr>{heads}</tr>{body}</table>"


def predictions(
    network: Network, preprocess: Preprocess, inputs: Any, names: Sequence[str] = ()
) -> Predictions:
    """The network's answers for raw rows; see `Preprocess.apply` for what rows may be.

    Raises:
        DataError: a row that the fitted preprocessing cannot take.
    """
    rows = preprocess.apply(inputs)
    if not len(rows):
        raise DataError("There is no row to predict; give at least one.")
    given = answers(network, rows)
    output = output_of(preprocess)
    if output.kind != "classes":
        return Predictions(preprocess.decode(given), None, (), tuple(names))
    shares = chances(given)
    labels = preprocess.decode(shares.argmax(axis=1))
    return Predictions(labels, shares, output.classes, tuple(names))
