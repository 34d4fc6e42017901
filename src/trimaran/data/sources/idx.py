"""The idx format of MNIST: a short big-endian header, then raw unsigned bytes."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np

from trimaran.errors import DataError

_UBYTE = 0x08


def read_idx(path: Path, rank: int) -> np.ndarray:
    """The uint8 array of `path` (.gz or plain), which must have `rank` axes.

    Layout after http://yann.lecun.com/exdb/mnist: two zero bytes, the type, the number of axes,
    one 32-bit length per axis, the values in C order. Raises `DataError` naming the file where
    the header is another one, or the bytes are too few, too many or damaged.
    """
    try:
        with _open(path) as file:
            shape = _header(path, file.read(4 + 4 * rank), rank)
            values = file.read(math.prod(shape) + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}); download it again.") from error
    if len(values) != math.prod(shape):
        found = "more" if len(values) > math.prod(shape) else f"only {len(values)}"
        raise DataError(
            f"{path} should hold {math.prod(shape)} values for its shape {shape}, but has {found}; "
            f"download it again."
        )
    return np.frombuffer(values, np.uint8).reshape(shape)


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def _header(path: Path, head: bytes, rank: int) -> tuple[int, ...]:
    if head[:4] != bytes((0, 0, _UBYTE, rank)) or len(head) < 4 + 4 * rank:
        raise DataError(
            f"{path} is not an idx file of {rank} axes of unsigned bytes: expected it to start "
            f"with 0000{_UBYTE:02x}{rank:02x}, got {head[:4].hex() or 'nothing'}."
        )
    return struct.unpack(f">{rank}I", head[4:])


def read_pair(images: Path, labels: Path, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, rows, columns) uint8 images and their (N,) uint8 labels, checked against each other."""
    pictures, numbers = read_idx(images, 3), read_idx(labels, 1)
    if len(pictures) != len(numbers):
        raise DataError(
            f"{images} has {len(pictures)} images, but {labels} has {len(numbers)} labels; "
            f"the two files must belong together."
        )
    if len(numbers) and numbers.max() >= classes:
        row = int(np.argmax(numbers >= classes))
        raise DataError(
            f"{labels} row {row} has the label {numbers[row]}; expected 0 to {classes - 1}."
        )
    return pictures, numbers
