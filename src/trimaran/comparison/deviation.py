"""How far two sets of arrays are apart, and where first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Deviation:
    """The largest relative deviation, and the first layer beyond the tolerance, or ""."""

    value: float
    first_layer: str = ""


def relative(found: np.ndarray, truth: np.ndarray, scale: float | None = None) -> float:
    """max|found - truth| / scale, by default the largest entry of the truth; infinite where shapes
    differ or one of them is not finite alone."""
    if found.shape != truth.shape:
        return float("inf")
    if not found.size:
        return 0.0
    worst = float(np.max([_apart(*both) for both in parts(found, truth)]))
    largest = _most(truth) if scale is None else scale
    if not np.isfinite(worst):
        return float("inf")
    return worst / largest if largest else worst


def _apart(found: np.ndarray, truth: np.ndarray) -> float:
    a, b = np.asarray(found, np.float64), np.asarray(truth, np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return float(np.where(same, 0.0, np.abs(a - b)).max())


# Numbers of an array that are compared at once: what stands between them and a deviation takes
# several times as much memory in float64, and is fastest where it fits the processor's caches.
PART = 1 << 16
# The same where they are added up. Longer, since where a sum is cut decides its last digits.
SUMMED = 1 << 22


def parts(*arrays: np.ndarray, size: int = PART) -> Iterator[tuple[np.ndarray, ...]]:
    """Arrays of one shape as flat pieces of at most `size` numbers, in C order."""
    flat = [array.reshape(-1) for array in arrays]
    for start in range(0, arrays[0].size, size):
        yield tuple(array[start : start + size] for array in flat)


def largest(arrays: Arrays) -> float:
    """The largest entry of all arrays together."""
    return max((_most(a) for a in arrays.values() if a.size), default=0.0)


def _most(array: np.ndarray) -> float:
    return float(np.max([np.abs(part).max() for (part,) in parts(array)]))


def by_layer(
    found: Arrays, truth: Arrays, order: Iterable[str], tolerance: float, together: bool
) -> Deviation:
    """Compare arrays by key; `order` are the layers' paths as they are to be blamed.

    The scale is each array's own largest entry, with `together` that of all arrays: an array that
    is zero but for rounding (the gradient of a bias before a normalization) is no reason to fail.
    For the same reason no scale is below the rounding of the largest array.
    """
    whole = largest(truth)
    least = whole if together else whole * _rounding(truth) / max(tolerance, 1e-300)
    apart = {
        key: relative(found[key], values, max(largest({key: values}), least))
        for key, values in truth.items()
    }
    wrong = {key for key, value in apart.items() if not value <= tolerance}
    first = next((path for path in order if any(_of(key, path) for key in wrong)), "")
    return Deviation(max(apart.values(), default=0.0), first or next(iter(sorted(wrong)), ""))


def _rounding(arrays: Arrays) -> float:
    """Of the coarsest float among the arrays."""
    kinds = {a.dtype for a in arrays.values() if a.dtype.kind == "f"}
    return max((float(np.finfo(kind).eps) for kind in kinds), default=0.0)


def by_norm(found: Arrays, truth: Arrays, order: Iterable[str], tolerance: float) -> Deviation:
    """The Euclidean norm of the difference over that of the truth, all arrays together.

    For what an optimizer made: where it divides by a gradient's size, a single entry whose gradient
    is rounding noise may move by a whole step, and says nothing about the network.
    """
    squares = {key: _square(found[key], truth[key]) for key in truth}
    whole = math.sqrt(math.fsum(_square(a, None) for a in truth.values()))
    apart = math.sqrt(math.fsum(squares.values()))
    value = apart / whole if whole else apart
    share = (tolerance * whole) ** 2 / max(len(squares), 1)
    wrong = {key for key, square in squares.items() if not square <= share}
    first = next((path for path in order if any(_of(key, path) for key in wrong)), "")
    return Deviation(value if math.isfinite(value) else math.inf, first)


def _square(values: np.ndarray, minus: np.ndarray | None) -> float:
    if minus is not None and values.shape != minus.shape:
        return math.inf
    both = (values,) if minus is None else (values, minus)
    square = sum(_part_square(*part) for part in parts(*both, size=SUMMED))
    return square if math.isfinite(square) else math.inf


def _part_square(values: np.ndarray, minus: np.ndarray | None = None) -> float:
    flat = np.asarray(values, np.float64)
    if minus is not None:
        flat = flat - np.asarray(minus, np.float64)
    # Not np.dot: BLAS wakes its threads for each of many small arrays.
    return float(np.einsum("i,i->", flat, flat))


def _of(key: str, path: str) -> bool:
    """Whether the key is the layer's output, or one of its arrays."""
    own = key.rpartition("/")[2]
    return own == path or own.startswith(f"{path}.")
