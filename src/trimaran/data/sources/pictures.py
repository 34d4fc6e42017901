"""One picture file as an array: any mode, turned by EXIF, brought to a size."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trimaran.data.fields import ImageField
from trimaran.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = frozenset(
    (
        *(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"),
        *(".tif", ".tiff", ".ppm", ".pgm", ".pbm"),
    )
)
_ORIENTATION = 0x0112
_GREY = {"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


def measure(path: Path) -> tuple[int, int, bool, bool]:
    """(height, width, is grey, has several frames) from the header alone, after EXIF's turn.

    Raises `DataError` naming the file.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            turned = picture.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
            width, height = picture.size
            grey = picture.mode in _GREY
            frames = getattr(picture, "n_frames", 1) > 1
    except Exception as error:  # a damaged file can raise almost anything in a decoder
        raise _unreadable(path, error) from error
    height, width = (width, height) if turned else (height, width)
    return height, width, grey, frames


def read_picture(path: Path, shape: tuple[int, int, int] | None, resize: str) -> np.ndarray:
    """(height, width, channels) uint8. `shape` None keeps the size and gives colours.

    Transparent pixels stand on white, 16-bit grey keeps its upper 8 bits, of an animation the
    first frame is used. Raises `DataError` naming the file.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture)
            upright.load()
    except Exception as error:  # see measure
        raise _unreadable(path, error) from error
    channels = 3 if shape is None else shape[2]
    plain = _plain(upright, channels)
    if shape is not None:
        plain = fitted(plain, (shape[0], shape[1]), resize)
    pixels = np.asarray(plain)
    return pixels[..., None] if channels == 1 else pixels


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = str(error) or type(error).__name__
    if "cannot identify" in reason:
        reason = "it is empty" if path.stat().st_size == 0 else "it is not a known picture format"
    return DataError(f"{path} is not a readable picture: {reason}")


def _plain(picture: Image, channels: int) -> Image:
    """Eight bits in 1 or 3 channels."""
    from PIL import Image

    mode = "L" if channels == 1 else "RGB"
    if picture.mode.startswith(("I", "F")):
        picture = Image.fromarray(_eight_bits(np.asarray(picture)))
    if "transparency" in picture.info or picture.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        seen = picture.convert("RGBA")
        ground = Image.new("RGBA", seen.size, "white")
        ground.alpha_composite(seen)
        picture = ground
    return picture if picture.mode == mode else picture.convert(mode)


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """Wide grey to uint8: floats up to 1 are fractions of white, above 255 means 16 bits."""
    floats = np.nan_to_num(values.astype(np.float64))
    if values.dtype.kind == "f" and floats.max(initial=0) <= 1:
        floats = floats * 255
    elif floats.max(initial=0) > 255:
        floats = np.floor(floats / 256)
    return np.clip(floats, 0, 255).astype(np.uint8)


def fitted(picture: Image, size: tuple[int, int], resize: str) -> Image:
    """A picture of `size` (height, width): "crop" keeps the centre, "pad" adds black borders."""
    from PIL import Image, ImageOps

    box = (size[1], size[0])
    if picture.size == box:
        return picture
    how = Image.Resampling.BILINEAR
    if resize == "crop":
        return ImageOps.fit(picture, box, how)
    if resize == "pad":
        return ImageOps.pad(picture, box, how)
    return picture.resize(box, how)


def read_all(
    paths: Sequence[Path], shape: tuple[int, int, int], resize: str, keep: bool = True
) -> tuple[np.ndarray, list[str]]:
    """(N, *shape) uint8 pictures, decoded on all cores, and one sentence per unreadable file.

    A row that could not be read stays black, and its sentence stands at its place in the list,
    which holds "" for the others. Without `keep` the array is empty: only the files are tried.
    """
    pixels = np.zeros((len(paths) if keep else 0, *shape), np.uint8)
    problems = [""] * len(paths)

    def read(row: int) -> None:
        try:
            picture = read_picture(paths[row], shape, resize)
        except DataError as error:
            problems[row] = str(error)
            return
        if keep:
            pixels[row] = picture

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(read, range(len(paths))))
    return pixels, problems


def as_pictures(raw: Any, field: ImageField) -> np.ndarray:
    """Files as an array of the field's shape; an array is given back as it is."""
    if isinstance(raw, np.ndarray):
        return raw
    if isinstance(raw, str | Path):
        raw = list_pictures(Path(raw))
    if not all(isinstance(item, str | Path) for item in raw):
        return np.asarray(raw)
    paths = [Path(item) for item in raw]
    pixels, problems = read_all(paths, field.shape, field.resize)
    bad = [text for text in problems if text]
    if bad:
        raise DataError(f"{bad[0]} ({len(bad)} of {len(paths)} files); remove or replace it.")
    return pixels


def list_pictures(path: Path) -> list[Path]:
    """The picture itself, or all pictures below a folder, sorted; raises `DataError` for none."""
    if path.is_file():
        return [path]
    found = sorted(p for p in path.rglob("*") if is_picture(p)) if path.is_dir() else []
    if not found:
        raise DataError(f"{path} is no picture and no folder of pictures; check the path.")
    return found


def is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
