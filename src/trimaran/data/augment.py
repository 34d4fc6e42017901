"""Random changes to training images and texts, vectorised over the batch.

Each draw is a function of (seed, epoch, row id, purpose), see `philox`: a row meets the same change
in any order of rows, in any batch, on any worker, and after a resume. Adding one kind of change
does not alter the draws of another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np

from trimaran.data.batches import Rows
from trimaran.data.philox import uniforms
from trimaran.data.texts.hiding import hidden
from trimaran.data.warp import FILLS, affine_warp, windows
from trimaran.errors import DataError

# Purposes of draws. Never renumber: recorded runs are reproduced from these. (Texts' is 9.)
FLIP, CROP, ROTATE, SHIFT, ZOOM, SHEAR, BRIGHTNESS, CONTRAST, CUTOUT = range(9)
_LIMITS = {
    "crop": 1024,
    "rotate": 180,
    "shift": 1,
    "zoom": 0.95,
    "shear": 80,
    "brightness": 1,
    "contrast": 1,
    "cutout": 4096,
    "words": 0.9,
}

Draws = dict[int, np.ndarray]  # purpose -> (B, 4) uniform in [0, 1)


@dataclass(frozen=True)
class Augment:
    """How far training images and texts may change; zero or False leaves a kind out.

    flip, vertical_flip: mirror left-right, top-bottom, each with probability 1/2
    crop:       pad by so many pixels and cut the old size at a random place
    rotate:     degrees, drawn from [-rotate, rotate]
    shift:      fraction of height and of width, either way, not rounded to whole pixels
    zoom:       scale drawn from [1 - zoom, 1 + zoom]; above 1 the content grows
    shear:      degrees, drawn from [-shear, shear]
    brightness: fraction of the full range (255, or 1.0 for floats) added, either way
    contrast:   distance from the image's own channel means times [1 - contrast, 1 + contrast]
    cutout:     side in pixels of a black square at a random centre (DeVries & Taylor 2017)
    fill:       what stands outside the picture: "constant" (zeros), "edge" or "reflect"
    words:      chance of each word of a text to be hidden, as if it were unknown

    Raises `DataError` for a value out of its range.
    """

    flip: bool = False
    vertical_flip: bool = False
    crop: int = 0
    rotate: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    cutout: int = 0
    fill: str = "constant"
    words: float = 0.0

    def __post_init__(self) -> None:
        for name, most in _LIMITS.items():
            value = getattr(self, name)
            whole = name in ("crop", "cutout")
            if not 0 <= value <= most or (whole and value != int(value)):
                kind = "a whole number" if whole else "a number"
                raise DataError(
                    f"The augmentation {name!r} must be {kind} from 0 to {most}, but is {value}."
                )
        if self.fill not in FILLS:
            raise DataError(
                f"The augmentation fill {self.fill!r} is unknown; choose {', '.join(FILLS)}."
            )

    @property
    def active(self) -> bool:
        """Whether anything may change at all."""
        return any(getattr(self, f.name) for f in fields(self) if f.name != "fill")

    @property
    def only_moves(self) -> bool:
        """Whether pixels only change their places, and zeros come in from outside."""
        values = (self.brightness, self.contrast, self.cutout, self.words)
        return not (self.warps or any(values) or self.fill != "constant")

    @property
    def warps(self) -> bool:
        """Whether pixels land between pixels, so that values must be interpolated."""
        return any((self.rotate, self.shift, self.zoom, self.shear))


def augment(
    images: np.ndarray, settings: Augment, seed: int, epoch: int, ids: np.ndarray
) -> np.ndarray:
    """The changed images, in the same shape and dtype; the input is never written to.

    images: (B, H, W, C) uint8, or float32 in a range of about 1.0; ids: (B,) int64 row numbers.
    Raises `DataError` for other shapes and dtypes.
    """
    _check(images, ids)
    if not settings.active or not len(images):
        return images
    draws = _draw(settings, seed, epoch, ids)
    moved = _move(images, settings, draws)
    lit = _light(moved, settings, draws, 255.0 if images.dtype == np.uint8 else 1.0)
    changed = _as_stored(lit, images.dtype)
    return _cut_out(changed, settings.cutout, draws) if settings.cutout else changed


def moves(
    settings: Augment, seed: int, epoch: int, ids: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How `augment` moves each image: offsets (B, 2) in whole pixels, down and right, of the window
    that it is seen through, and (B, 2) whether that is then mirrored top-bottom and left-right."""
    return _moves(settings, _draw(settings, seed, epoch, ids), len(ids))


def augment_rows(rows: Rows, settings: Augment, seed: int, epoch: int) -> Rows:
    """`rows` with each image input (rank 4) and each padded text changed; inputs of one row change
    alike. Raises `DataError` where words are to be hidden and there are none."""
    if settings.words and not rows.lengths:
        raise DataError(
            f"training.augment.words is {settings.words}, but the data holds no texts whose words "
            "could be hidden; leave it out."
        )

    def changed(name: str, values: np.ndarray) -> np.ndarray:
        if values.ndim == 4:
            return augment(values, settings, seed, epoch, rows.ids)
        if settings.words and name in rows.lengths:
            return hidden(values, settings.words, seed, epoch, rows.ids)
        return values

    inputs = {name: changed(name, values) for name, values in rows.inputs.items()}
    return replace(rows, inputs=inputs)


def _check(images: np.ndarray, ids: np.ndarray) -> None:
    if images.ndim != 4 or images.dtype not in (np.uint8, np.float32):
        raise DataError(
            f"Augmentation needs images as (batch, height, width, channels) in uint8 or float32, "
            f"but got {images.dtype} of shape {images.shape}; leave `augment` out for such data."
        )
    if ids.shape != images.shape[:1]:
        raise DataError(
            f"Augmentation needs one row id per image, but got {ids.shape} ids for "
            f"{len(images)} images."
        )


def _draw(settings: Augment, seed: int, epoch: int, ids: np.ndarray) -> Draws:
    wanted = {
        FLIP: settings.flip or settings.vertical_flip,
        CROP: settings.crop,
        ROTATE: settings.rotate,
        SHIFT: settings.shift,
        ZOOM: settings.zoom,
        SHEAR: settings.shear,
        BRIGHTNESS: settings.brightness,
        CONTRAST: settings.contrast,
        CUTOUT: settings.cutout,
    }
    purposes = [purpose for purpose, value in wanted.items() if value]
    return dict(zip(purposes, uniforms(seed, epoch, ids, purposes, 4), strict=True))


def _between(draws: np.ndarray, reach: float) -> np.ndarray:
    return (2 * draws - 1) * reach


def _move(images: np.ndarray, settings: Augment, draws: Draws) -> np.ndarray:
    """Geometry: (B, H, W, C) in the stored dtype, or float32 after a warp."""
    offsets, mirrored = _moves(settings, draws, len(images))
    if settings.warps:
        matrices, shifts = _maps(images.shape[1:3], settings, draws)
        matrices *= np.where(mirrored, -1.0, 1.0)[:, None, :]
        return affine_warp(images, matrices, offsets + shifts, settings.fill)
    if settings.crop:
        images = windows(images, offsets, settings.crop, settings.fill)
    return _mirror(images, mirrored) if mirrored.any() else images


def _moves(settings: Augment, draws: Draws, count: int) -> tuple[np.ndarray, np.ndarray]:
    offsets, mirrored = np.zeros((count, 2), np.int64), np.zeros((count, 2), bool)
    if settings.crop:
        side = 2 * settings.crop + 1
        offsets = (draws[CROP][:, :2] * side).astype(np.int64) - settings.crop
    if FLIP in draws:
        mirrored = (draws[FLIP][:, :2] < 0.5) & (settings.vertical_flip, settings.flip)
    return offsets, mirrored


def _maps(size: tuple[int, ...], settings: Augment, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Where an output pixel is read: (B, 2, 2) matrices on (y, x) and (B, 2) offsets in pixels."""
    some = next(iter(draws.values()))
    none = np.full_like(some, 0.5)  # the middle of a range of no width

    def angle(purpose: int, degrees: float) -> np.ndarray:
        return _between(draws.get(purpose, none)[:, 0], math.radians(degrees))

    turn, slant = angle(ROTATE, settings.rotate), np.tan(angle(SHEAR, settings.shear))
    scale = 1 / (1 + _between(draws.get(ZOOM, none)[:, 0], settings.zoom))
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    matrices = np.array([[cos, sin], [slant * cos - sin, slant * sin + cos]]).transpose(2, 0, 1)
    shifts = _between(draws.get(SHIFT, none)[:, :2], settings.shift) * size
    return matrices, shifts


def _mirror(images: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    images = images.copy()
    down, right = mirrored.T
    images[down] = images[down, ::-1]
    images[right] = images[right].take(np.arange(images.shape[2])[::-1], axis=2)
    return images


def _light(images: np.ndarray, settings: Augment, draws: Draws, full: float) -> np.ndarray:
    """Contrast about each image's channel means, then brightness; float32 where either is on."""
    if not settings.brightness and not settings.contrast:
        return images
    b, h, w, c = images.shape
    lit = images.reshape(b, h, w * c).astype(np.float32)  # long rows: NumPy's loops stay inside
    none = np.full((b, 4), 0.5)
    gain = 1 + _between(draws.get(CONTRAST, none)[:, :1], settings.contrast)
    added = _between(draws.get(BRIGHTNESS, none)[:, :1], settings.brightness * full)
    mean = lit.sum(1).reshape(b, w, c).sum(1) / (h * w)
    added = np.tile(mean * (1 - gain) + added, w)  # (B, W*C)
    lit *= gain[:, None].astype(np.float32)
    lit += added[:, None].astype(np.float32)
    return lit.reshape(images.shape)


def _as_stored(images: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if dtype != np.uint8 or images.dtype == np.uint8:
        return images
    np.rint(images, out=images)  # a float32 array of our own by now
    np.clip(images, 0, 255, out=images)
    return images.astype(np.uint8)


def _cut_out(images: np.ndarray, side: int, draws: Draws) -> np.ndarray:
    """A square of zeros about a centre anywhere in the picture, so it may hang over the border."""
    within = []
    for axis, size in enumerate(images.shape[1:3]):
        first = (draws[CUTOUT][:, axis] * size).astype(np.int64) - side // 2
        place = np.arange(size) - first[:, None]
        within.append((place >= 0) & (place < side))
    images = images.copy()
    images[within[0][:, :, None] & within[1][:, None, :]] = 0
    return images
