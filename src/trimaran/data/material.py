"""Every kind of source in one form: labels, split hints, and how to fit and fetch its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from trimaran.data.batches import Rows
from trimaran.data.features import ArrayField
from trimaran.data.fields import ImageField
from trimaran.data.preprocess import INPUT, OUTPUT, Field
from trimaran.data.raw import RawArrays, RawImages
from trimaran.data.settings import DataSettings
from trimaran.data.targets import RowName, as_matrix, comparable, missing, plain_row
from trimaran.errors import DataError

if TYPE_CHECKING:
    from trimaran.data.stream import Stream

Fit = Callable[[np.ndarray], Field]
Fetch = Callable[[Field, np.ndarray, np.ndarray, np.ndarray | None], "Rows | Stream"]


@dataclass(frozen=True, eq=False)
class Material:
    """Rows before they are split.

    labels:  (N,) or (N, k), as the source has them; classes: names of the labels 0, 1, ...
    fit:     training positions -> the fitted input field
    fetch:   (field, positions, encoded targets, weights) -> the model rows of one split
    allowed: positions that may be used; the others were dropped and are told of in `notices`
    parts:   split name -> positions, where the source is split already
    row:     how to name a row to its owner
    content: (N,) texts as they were found: of them, not of their tokens, is told which stand in
             two splits; None where rows are no texts
    """

    name: str
    labels: np.ndarray
    fit: Fit
    fetch: Fetch
    allowed: np.ndarray
    classes: tuple[str, ...] = ()
    parts: Mapping[str, np.ndarray] | None = None
    fixed: np.ndarray | None = None
    groups: np.ndarray | None = None
    weights: np.ndarray | None = None
    row: RowName = plain_row
    content: np.ndarray | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def from_images(raw: RawImages, settings: DataSettings) -> Material:
    """Pictures in memory; uint8 stays uint8 until the batch."""
    images = raw.images

    def fit(train: np.ndarray) -> Field:
        return ImageField.fit(at(images, train), settings.normalize, raw.top, settings.resize)

    allowed, told = sound(images, raw.labels, settings, raw.row)
    return Material(
        name=raw.name,
        labels=raw.labels,
        fit=fit,
        fetch=fetch_from(images),
        allowed=allowed,
        classes=raw.classes,
        parts=raw.parts,
        row=raw.row,
        facts=raw.facts,
        notices=(*raw.notices, *told),
    )


def from_array(raw: RawArrays, settings: DataSettings) -> Material:
    """A plain array of rows: vectors are standardised unless told otherwise."""
    x = raw.inputs
    standard = settings.normalize in ("auto", "standard")

    def fit(train: np.ndarray) -> Field:
        return ArrayField.fit(x[train], standard)

    notices = list(raw.notices)
    filled = x.dtype.kind == "f" and x.ndim == 2 and standard
    if filled:
        holes = ~np.isfinite(x)
        empty = np.flatnonzero(holes.all(0))
        if len(empty):
            raise DataError(
                f"{raw.name}: column {int(empty[0])} of the array holds no finite value in its "
                f"{len(x)} rows, so nothing can be learned from it; leave it out."
            )
        if holes.any():
            notices.append(
                f"{int(holes.sum())} missing or infinite value(s) in {int(holes.any(1).sum())} "
                f"row(s) and {int(holes.any(0).sum())} column(s) are filled with the training "
                f"median of their column."
            )
    if filled:
        allowed, told = usable(raw.labels, settings, raw.row)
    else:
        allowed, told = sound(x, raw.labels, settings, raw.row)
    return Material(
        name=raw.name,
        labels=raw.labels,
        fit=fit,
        fetch=fetch_from(x),
        allowed=allowed,
        parts=raw.parts,
        row=raw.row,
        facts={"origin": f"an array of shape {x.shape}", **raw.facts},
        notices=(*notices, *told),
    )


def fetch_from(values: np.ndarray) -> Fetch:
    """Rows out of one resident array of raw values."""

    def fetch(
        field: Field, positions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None
    ) -> Rows:
        assert isinstance(field, ImageField | ArrayField)
        affine = getattr(field, "affine", None)
        return Rows(
            {INPUT: field.apply(at(values, positions))},
            {OUTPUT: targets},
            weights,
            positions,
            {} if affine is None else {INPUT: affine},
        )

    return fetch


def at(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """`values[positions]`, without a copy where the sorted positions are one unbroken run."""
    count = len(positions)
    if count and positions[-1] - positions[0] == count - 1:
        return values[positions[0] : positions[-1] + 1]
    return np.asarray(values[positions])


def usable(
    labels: np.ndarray, settings: DataSettings, row: RowName
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Positions of the rows that have a target, and what to tell about the others.

    Raises `DataError` where targets are missing and `on_bad` is "refuse".
    """
    bad = np.flatnonzero(missing(labels))
    every = np.arange(len(labels))
    if not len(bad):
        return every, ()
    if settings.on_bad == "refuse":
        raise DataError(
            f"{row(int(bad[0]))} has no usable target ({len(bad)} such row(s): missing, NaN or "
            f"infinite); fill them in, or set data.on_bad=drop to leave those rows out."
        )
    return _without(every, bad, row, "without a usable target")


def sound(
    values: np.ndarray, labels: np.ndarray, settings: DataSettings, row: RowName
) -> tuple[np.ndarray, tuple[str, ...]]:
    """As `usable`, and the same for rows of inputs with a value that is not a finite number."""
    allowed, told = usable(labels, settings, row)
    if values.dtype.kind != "f" or np.isfinite(values.sum(dtype=np.float64)):
        return allowed, told
    bad = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
    if not len(bad):
        return allowed, told
    if settings.on_bad == "refuse":
        raise DataError(
            f"{row(int(bad[0]))} holds NaN or an infinite value in its input ({len(bad)} such "
            f"row(s)); mend those rows, or set data.on_bad=drop to leave them out."
        )
    left, more = _without(allowed, bad, row, "with NaN or infinite values")
    return left, (*told, *more)


def _without(
    rows: np.ndarray, bad: np.ndarray, row: RowName, what: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The rows that are left, and the sentence that says so."""
    first = ", ".join(row(int(k)) for k in bad[:3])
    return np.setdiff1d(rows, bad), (f"{len(bad)} row(s) {what} are left out, the first: {first}.",)


def infer_task(labels: np.ndarray, wanted: str | None = None) -> str:
    """ "classify" or "regress".

    The rule: texts and booleans are classes; whole numbers are classes if there are at most 20
    different ones; everything else is a number. `wanted` overrules it.
    Raises `DataError` where texts are to be regressed.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    textual = labels.dtype.kind in "OUSb"
    if wanted == "regress" and textual and labels.dtype.kind != "b":
        sample = str(labels[0]) if len(labels) else ""
        raise DataError(
            f"The target holds texts such as {sample!r}, so it cannot be regressed; choose a "
            f"number column or task=classify."
        )
    if wanted is not None:
        return wanted
    if textual:
        return "classify"
    if labels.ndim > 1:
        return "classify" if is_one_hot(labels) else "regress"
    plain = comparable(labels)
    few = plain.dtype.kind in "ui" and len(np.unique(plain)) <= 20
    return "classify" if few else "regress"


def is_one_hot(labels: np.ndarray) -> bool:
    """True for (N, k > 1) rows with a single 1 among zeros."""
    if labels.ndim != 2 or labels.shape[1] < 2:
        return False
    matrix = as_matrix(labels)
    return bool(np.isin(matrix, (0.0, 1.0)).all() and (matrix.sum(axis=1) == 1).all())


def refuse_one_class(name: str, labels: np.ndarray) -> None:
    """Raises `DataError` where the (N,) labels leave nothing to tell apart."""
    known = comparable(labels)
    if not len(known):
        raise DataError(f"{name} has no row to learn from; check the path and filters.")
    if (known == known[0]).all():
        raise DataError(
            f"All {len(known)} rows of {name} have the one class {str(known[0])!r}; a classifier "
            "needs rows of at least 2 classes."
        )
