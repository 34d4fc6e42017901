"""Arrays as users hold them → `Rows` as a model eats them, checked against the description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor
from typing import Any

import numpy as np

from trimaran.data.batches import Rows
from trimaran.data.splits import TRAIN, VALIDATION, SplitSettings, split
from trimaran.errors import DataError
from trimaran.spec import Model, Shape
from trimaran.tasks.loss import CROSS_ENTROPIES, Loss

SPARSE, CATEGORICAL, BINARY = CROSS_ENTROPIES


def rows_of(
    model: Model,
    x: Any,
    y: Any = None,
    losses: Mapping[str, Loss] | None = None,
    weights: Any = None,
) -> Rows:
    """Inputs, targets and sample weights as rows with the ids 0, 1, ...

    x: one array, or for several inputs a list in their order or a mapping by name; y likewise for
    the outputs that have a loss.
    Raises `DataError` for what does not fit the model; the text names the row where it is one.
    """
    arrays = _parts(x, [port.name for port in model.inputs], "x")
    inputs = {
        port.name: _input(port.name, port.shape, values)
        for port, values in zip(model.inputs, arrays, strict=True)
    }
    terms = dict(losses or {})
    given = _parts(y, list(terms), "y") if terms else []
    targets = {
        name: target(name, loss, model.output_shape(name), values)
        for (name, loss), values in zip(terms.items(), given, strict=True)
    }
    count = len(next(iter(inputs.values())))
    if weights is not None:
        weights = sample_weights(weights, count)
    return Rows(inputs, targets, weights, np.arange(count, dtype=np.int64))


def _parts(given: Any, names: Sequence[str], what: str) -> list[Any]:
    """The array for each name."""
    if given is None:
        raise DataError(f"{what} is missing; give one array for {', '.join(names)}.")
    if isinstance(given, Mapping):
        if set(given) != set(names):
            raise DataError(
                f"{what} has the keys {', '.join(map(str, given))}; expected {', '.join(names)}."
            )
        return [given[name] for name in names]
    if len(names) == 1:
        single = isinstance(given, list | tuple) and len(given) == 1 and np.ndim(given[0]) > 1
        return [given[0] if single else given]
    if not isinstance(given, list | tuple) or len(given) != len(names):
        raise DataError(
            f"{what} must hold {len(names)} arrays; give a list in the order {', '.join(names)}, "
            "or a mapping with these keys."
        )
    return list(given)


def _input(name: str, shape: Shape, values: Any) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"The input {name!r} has the type {array.dtype}; expected numbers, so encode texts and "
            "objects first."
        )
    if not _matches(array.shape[1:], shape) or array.ndim == 0:
        raise DataError(_misshapen(name, array.shape, shape))
    if array.dtype != np.uint8:
        array = np.asarray(array, np.float32)
        _finite(array, f"the input {name!r}")
    return array


def _matches(given: Sequence[int], expected: Shape) -> bool:
    return len(given) == len(expected) and all(
        want in (None, have) for have, want in zip(given, expected, strict=True)
    )


def _misshapen(name: str, given: tuple[int, ...], expected: Shape) -> str:
    said = f"The input {name!r} has the shape {given}; the model takes (N, {_sizes(expected)})"
    row = given[1:]
    if expected[-1:] == (1,) and _matches(row, expected[:-1]):
        return f"{said}: channels come last, so give x[..., None]."
    if len(row) == 3 and len(expected) == 3 and _matches((*row[1:], row[0]), expected):
        return f"{said}: channels come last, so give x.transpose(0, 2, 3, 1)."
    if _matches(given, expected):
        return f"{said}: the rows of a batch come first, so give x[None]."
    if None not in expected and np.prod(row) == np.prod([s or 0 for s in expected]):
        return f"{said}: give x.reshape(-1, {_sizes(expected)})."
    return f"{said}: change the data or the model's input shape."


def _sizes(shape: Shape) -> str:
    return ", ".join("any" if size is None else str(size) for size in shape)


def _finite(array: np.ndarray, what: str) -> None:
    # min and max carry NaN and infinity, and need no array of booleans as large as the data.
    if array.size == 0 or np.isfinite(array.min()) and np.isfinite(array.max()):
        return
    bad = ~np.isfinite(array.reshape(len(array), -1)).all(axis=1)
    raise DataError(
        f"Row {int(np.argmax(bad))} of {what} holds NaN or an infinite value ({int(bad.sum())} "
        "such row(s)); fill or drop these rows first."
    )


def target(name: str, loss: Loss, shape: Shape, values: Any) -> np.ndarray:
    """What a loss compares with an output of this shape: (N,) int64 or (N, k) float32.

    Raises `DataError` for labels in the form of another loss, classes that the output lacks, and
    values that are not finite.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"The target {name!r} has the type {array.dtype}; expected numbers, so turn labels "
            "into the class numbers 0, 1, ... first."
        )
    if array.ndim == 0:
        raise DataError(f"The target {name!r} is one number; expected one per row.")
    if loss.kind in (SPARSE, CATEGORICAL) and len(shape) != 1:
        raise DataError(
            f"The output {name!r} has the shape ({_sizes(shape)}), and {loss.kind} needs one row "
            "of class scores; put Flatten or a pooling before the last Dense."
        )
    if loss.kind == SPARSE:
        return _class_numbers(name, array, int(shape[-1] or 0))
    return _vectors(name, loss, array, shape)


def _class_numbers(name: str, array: np.ndarray, classes: int) -> np.ndarray:
    flat = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    whole = flat.dtype.kind != "f" or bool(np.all(np.mod(flat, 1) == 0))
    if flat.ndim != 1 or not whole:
        raise DataError(
            f"The target {name!r} has the shape {array.shape} and the type {array.dtype}, and "
            "sparse_categorical_crossentropy needs whole class numbers (N,); give "
            "y.argmax(axis=1), or compile with categorical_crossentropy."
        )
    numbers = flat.astype(np.int64)
    bad = (numbers < 0) | (numbers >= classes)
    if bad.any():
        at = int(np.argmax(bad))
        raise DataError(
            f"Row {at} of the target {name!r} is the class {numbers[at]} ({int(bad.sum())} such "
            f"row(s)), and the output has {classes} units for 0 to {classes - 1}; give the last "
            "layer as many units as there are classes."
        )
    return numbers


def _vectors(name: str, loss: Loss, array: np.ndarray, shape: Shape) -> np.ndarray:
    vectors = array[:, None] if array.ndim == 1 and shape == (1,) else array
    if not _matches(vectors.shape[1:], shape):
        hint = "give the last layer as many units as the target has columns"
        if loss.kind == CATEGORICAL and array.ndim == 1:
            hint = f"give np.eye({shape[-1]})[y], or compile with {SPARSE}"
        raise DataError(
            f"The target {name!r} has the shape {array.shape}, and {loss.kind} compares it with "
            f"(N, {_sizes(shape)}); {hint}."
        )
    numbers = np.asarray(vectors, np.float32)
    _finite(numbers, f"the target {name!r}")
    if loss.kind in (BINARY, CATEGORICAL) and numbers.size and not _chances(numbers):
        raise DataError(
            f"The target {name!r} ranges from {numbers.min():g} to {numbers.max():g}, and "
            f"{loss.kind} needs values from 0 to 1; turn labels into 0 and 1 first."
        )
    return numbers


def _chances(numbers: np.ndarray) -> bool:
    return bool(numbers.min() >= 0 and numbers.max() <= 1)


def sample_weights(given: Any, count: int) -> np.ndarray:
    """(N,) float32 weights; raises `DataError` for another shape."""
    weights = np.asarray(given, np.float32)
    if weights.shape != (count,):
        raise DataError(
            f"The sample weights have the shape {weights.shape}; expected one per row, ({count},)."
        )
    return weights


def class_weighted(rows: Rows, weights: Mapping[int, float]) -> Rows:
    """The rows with their weights multiplied by those of their classes; a missing class has 1.

    Raises `DataError` where the targets are no classes of one output.
    """
    if len(rows.targets) != 1:
        raise DataError("class_weight needs a model with one output; give sample_weight instead.")
    (values,) = rows.targets.values()
    several = values.ndim == 2 and values.shape[1] > 1
    classes = values.argmax(axis=1) if several else values.reshape(len(values)).astype(np.int64)
    table = np.ones(max(*map(int, weights), int(classes.max(initial=0)), 0) + 1, np.float32)
    for number, weight in weights.items():
        table[int(number)] = weight
    by_class = table[classes]
    whole = by_class if rows.weights is None else by_class * rows.weights
    return Rows(rows.inputs, rows.targets, whole, rows.ids, rows.affine)


def split_last(rows: Rows, fraction: float) -> tuple[Rows, Rows]:
    """The first rows and the last `fraction` of them, in their order, as Keras cuts them.

    Raises `DataError` for a fraction that leaves one of the two empty.
    """
    first = floor(len(rows) * (1 - fraction)) if 0 < fraction < 1 else 0
    if not 0 < first < len(rows):
        raise DataError(
            f"validation_split={fraction} leaves {first} of {len(rows)} rows to train on; give a "
            "fraction between 0 and 1 that leaves rows on both sides."
        )
    # A slice is a view: the data are not copied.
    return rows.take(slice(0, first)), rows.take(slice(first, None))  # type: ignore[arg-type]


def held_out(rows: Rows, fraction: float, seed: int) -> dict[str, Rows]:
    """Rows to train on, and a fraction of them drawn by seed, classes in their shares, to judge."""
    (y,) = rows.targets.values()
    labels = y if y.ndim == 1 else None
    how = SplitSettings(fraction, 0.0, stratify=labels is not None)
    parts = split(len(rows), how, labels=labels, seed=seed)
    return {name: rows.take(parts[name]) for name in (TRAIN, VALIDATION)}


def condensed(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, batch_size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows that weigh something; where all fit into one batch, equal rows as one, sorted.

    There the update is the gradient of the weighted mean, which merging and sorting do not
    change; so a weight of 2 is, to the last bit, the same as a row that stands twice.
    """
    kept = weights > 0
    x, y, weights = x[kept], y[kept], weights[kept]
    if len(x) > batch_size:
        return x, y, weights
    table = np.column_stack([x, y.reshape(len(y), -1)])
    _, first, group = np.unique(table, axis=0, return_index=True, return_inverse=True)
    return x[first], y[first], np.bincount(group.reshape(-1), weights)
