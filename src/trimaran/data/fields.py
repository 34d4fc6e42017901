"""What goes into the model: each field is fitted on the training rows and saved as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from trimaran.data.batches import Affine
from trimaran.errors import DataError

MISSING = "(missing)"


@dataclass(frozen=True)
class ImageField:
    """Pictures of one size. `stored` is "uint8", which `affine` turns to floats, or "float32".

    shape: (height, width, channels); resize: "crop", "pad" or "stretch" for other sizes
    """

    shape: tuple[int, int, int]
    stored: str
    affine: Affine | None
    resize: str = "crop"

    @classmethod
    def fit(cls, images: np.ndarray, normalize: str, top: float, resize: str) -> ImageField:
        """From (N, height, width, channels) training pictures; `top` is what stands for 1.0."""
        height, width, channels = images.shape[1:]
        eight_bit = images.dtype == np.uint8
        pieces = partial(_blocks, images)
        affine = image_affine(pieces, normalize, top) if eight_bit else None
        stored = "uint8" if eight_bit else "float32"
        return cls((height, width, channels), stored, affine, resize)

    def apply(self, images: np.ndarray) -> np.ndarray:
        """(N, height, width, channels) as stored; missing axes of one picture are added.

        Raises `DataError` where size, channels or type are not those of training.
        """
        batch = self._batch(np.asarray(images))
        if batch.shape[1:] != self.shape:
            raise DataError(
                f"The pictures have the shape {batch.shape[1:]}, but the model was trained on "
                f"{self.shape} (height, width, channels); resize them, or give their files."
            )
        if self.stored == "uint8" and batch.dtype != np.uint8:
            scaled = batch.dtype.kind == "f" and batch.size and float(np.nanmax(batch)) <= 1.0
            remedy = "(x * 255).round().astype('uint8')" if scaled else "x.astype('uint8')"
            raise DataError(
                f"The pictures have the type {batch.dtype}{' and end at 1' if scaled else ''}, but "
                f"the model was trained on uint8 values of 0 to 255; convert them with {remedy}."
            )
        return batch if self.stored == "uint8" else _finite(batch)

    def _batch(self, images: np.ndarray) -> np.ndarray:
        if images.ndim == 3 and images.shape == self.shape or images.ndim == 2:
            images = images[None]
        return images[..., None] if images.ndim == 3 else images

    def to_json(self) -> dict[str, Any]:
        affine = None if self.affine is None else self.affine.to_json()
        return {
            "kind": "image",
            "shape": list(self.shape),
            "stored": self.stored,
            "affine": affine,
            "resize": self.resize,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ImageField:
        affine = None if value["affine"] is None else Affine.from_json(value["affine"])
        height, width, channels = value["shape"]
        return cls((height, width, channels), value["stored"], affine, value["resize"])


Blocks = Callable[[], Iterable[np.ndarray]]


def image_affine(blocks: Blocks, normalize: str, top: float) -> Affine:
    """The map of stored pixels; `blocks` gives the training pictures, read only if needed."""
    if normalize == "none":
        return Affine((1.0,), (0.0,))
    if normalize in ("auto", "unit"):
        return Affine((1.0 / top,), (0.0,))
    mean, deviation = channel_moments(blocks())
    scale = 1.0 / np.where(deviation > 0, deviation, 1.0)
    return Affine(tuple(scale.tolist()), tuple((-mean * scale).tolist()))


def channel_moments(blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation per last axis of uint8 blocks, exact from 256-bin counts."""
    counts: np.ndarray | None = None
    for block in blocks:
        channels = np.moveaxis(block, -1, 0)
        found = np.stack([np.bincount(c.ravel(), minlength=256) for c in channels])
        counts = found if counts is None else counts + found
    if counts is None:
        raise DataError("There is no training picture to measure; check the split.")
    value = np.arange(256, dtype=np.float64)
    total = counts.sum(axis=1)
    mean = counts @ value / total
    variance = (counts * (value - mean[:, None]) ** 2).sum(axis=1) / total
    return mean, np.sqrt(variance)


def _blocks(images: np.ndarray) -> Iterator[np.ndarray]:
    """Slices: bincount widens its argument to int64, which must not happen to a whole set."""
    return (images[start : start + 4096] for start in range(0, len(images), 4096))


def _finite(values: np.ndarray) -> np.ndarray:
    floats = np.asarray(values, np.float32)
    if np.isfinite(floats.sum()):
        return floats
    bad = np.flatnonzero(~np.isfinite(floats).reshape(len(floats), -1).all(axis=1))
    if len(bad):
        raise DataError(
            f"row {bad[0]} of the input holds NaN or an infinite value ({len(bad)} such row(s)); "
            f"mend or remove those rows."
        )
    return floats


@dataclass(frozen=True)
class Numbers:
    """Number columns: missing values become the median, then (value - center) / scale."""

    names: tuple[str, ...]
    fill: tuple[float, ...]
    center: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def fit(cls, names: Sequence[str], matrix: np.ndarray, standard: bool = True) -> Numbers:
        """From (N, d) float64 training rows, where NaN and infinities are missing."""
        known = np.where(np.isfinite(matrix), matrix, np.nan)
        whole = not np.isnan(known.sum())
        empty = np.zeros(known.shape[1], bool) if whole else np.isnan(known).all(axis=0)
        known[:, empty] = 0.0
        fill = np.median(known, axis=0) if whole else np.nanmedian(known, axis=0)
        filled = known if whole else np.where(np.isnan(known), fill, known)
        center, scale = np.zeros(len(fill)), np.ones(len(fill))
        if standard:
            center, deviation = filled.mean(axis=0), filled.std(axis=0)
            # Rounding leaves a constant column a deviation of about 1e-17 of its size.
            scale = np.where(deviation > 1e-12 * np.abs(center), deviation, 1.0)
            scale = np.where(scale > 0, scale, 1.0)
        return cls(tuple(names), *(tuple(v.tolist()) for v in (fill, center, scale)))

    @property
    def width(self) -> int:
        return len(self.names)

    def apply(self, matrix: np.ndarray) -> np.ndarray:
        """(N, d) float32 without a missing value."""
        filled = np.where(np.isfinite(matrix), matrix, np.array(self.fill))
        return ((filled - self.center) / self.scale).astype(np.float32)

    def readable(self, row: np.ndarray) -> dict[str, float]:
        """Column → value in the units of the data, to float32's 6 digits, of one applied row."""
        values = row.astype(np.float64) * self.scale + self.center
        return {n: float(f"{v:.6g}") for n, v in zip(self.names, values.tolist(), strict=True)}


@dataclass(frozen=True)
class Boolean:
    """A yes/no column as 0 or 1; a missing value becomes the more frequent one."""

    name: str
    fill: bool

    @classmethod
    def fit(cls, name: str, column: np.ndarray) -> Boolean:
        known = [bool(v) for v in column.tolist() if v is not None]
        return cls(name, 2 * sum(known) > len(known))

    def apply(self, column: np.ndarray) -> np.ndarray:
        """(N, 1) float32."""
        values = [self.fill if v is None else bool(v) for v in column.tolist()]
        return np.array(values, np.float32)[:, None]


@dataclass(frozen=True)
class Category:
    """Texts as one-hot vectors: one slot per training value, and a last one for the unseen.

    A missing value is a value of its own where training met it, else it is unseen.
    """

    name: str
    values: tuple[str, ...]

    @classmethod
    def fit(cls, name: str, column: np.ndarray, most: int = 64) -> Category:
        """The values of the training rows; of more than `most`, the most frequent ones."""
        values, counts = np.unique(as_texts(column), return_counts=True)
        kept = np.sort(np.argsort(-counts, kind="stable")[:most])
        return cls(name, tuple(values[kept].tolist()))

    @property
    def width(self) -> int:
        return len(self.values) + 1

    def apply(self, column: np.ndarray) -> np.ndarray:
        """(N, width) float32, one 1 in each row."""
        slot = {v: k for k, v in enumerate(self.values)}
        codes = [slot.get(v, len(slot)) for v in as_texts(column).tolist()]
        return np.eye(self.width, dtype=np.float32)[np.array(codes, np.int64)]


def as_texts(column: np.ndarray) -> np.ndarray:
    """A column as texts, with `MISSING` for None and NaN."""
    values = [MISSING if v is None or v != v else str(v) for v in column.tolist()]
    return np.array(values, dtype=str)
