"""CIFAR-10 as (N, 32, 32, 3) uint8, from its binary archive or from lossless pictures in Parquet.

The archive's Python version is a set of pickles and is never read.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np

from trimaran.data.sources.cache import cache_root, written
from trimaran.errors import DataError

_SHAPE = (32, 32, 3)
_RECORD = 1 + 32 * 32 * 3
_TRAIN = tuple(f"cifar-10-batches-bin/data_batch_{k}.bin" for k in range(1, 6))
_TEST = ("cifar-10-batches-bin/test_batch.bin",)
_FIELDS = ("train_images", "train_labels", "test_images", "test_labels")
Parts = dict[str, np.ndarray]  # the four _FIELDS


def read_cifar(paths: Sequence[Path]) -> Parts:
    """Images (N, 32, 32, 3) and labels (N,), uint8, of train and test.

    `paths` is the archive, or train-0..4.parquet and test.parquet. Decoding takes many times
    longer than reading, so its result stays in the user's cache under a key made of the files'
    names, sizes and times. Raises `DataError` naming the file and the row.
    """
    kept = cache_root() / "decoded" / f"cifar10-{_key(paths)}.npy"
    parts = _kept(kept)
    if parts is None:
        archive = paths[0].name.endswith(".tar.gz")
        parts = read_binary(paths[0]) if archive else read_parquet(paths[:-1], paths[-1])
        with written(kept) as temporary, temporary.open("wb") as file:
            for name in _FIELDS:  # one after the other: a zip would cost a second per reading
                np.save(file, parts[name], allow_pickle=False)
        _forget_others(kept)
    return parts


def _forget_others(kept: Path) -> None:
    """Copies of files that were replaced since, 184 MB each."""
    for other in kept.parent.glob("cifar10-*.npy"):
        if other != kept:
            with suppress(OSError):  # another process reads it
                other.unlink()


def read_binary(archive: Path) -> Parts:
    """The binary version: records of one label byte, then 1024 red, green and blue bytes."""
    wanted = {name: np.empty(0, np.uint8) for name in (*_TRAIN, *_TEST)}
    try:
        with tarfile.open(archive, "r|gz") as tar:
            for member in tar:
                if member.name in wanted and member.isreg():
                    source = tar.extractfile(member)
                    assert source is not None
                    wanted[member.name] = np.frombuffer(source.read(), np.uint8)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise DataError(f"{archive} cannot be read ({error}); download it again.") from error
    for name, values in wanted.items():
        _check_records(f"{archive}: {name}", values)
    train = np.concatenate([wanted[n] for n in _TRAIN]).reshape(-1, _RECORD)
    test = wanted[_TEST[0]].reshape(-1, _RECORD)
    return dict(zip(_FIELDS, (*_split(train), *_split(test)), strict=True))


def _check_records(where: str, values: np.ndarray) -> None:
    if not len(values) or len(values) % _RECORD:
        raise DataError(
            f"{where} has {len(values)} bytes, expected a multiple of {_RECORD}; download the "
            f"archive again."
        )
    labels = values[::_RECORD]
    if labels.max() > 9:
        row = int(np.argmax(labels > 9))
        raise DataError(f"{where} row {row} has the label {labels[row]}; expected 0 to 9.")


def _split(records: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    planes = records[:, 1:].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, 0].copy()


def read_parquet(train: Sequence[Path], test: Path) -> Parts:
    """Pictures as encoded bytes: a column `image` (binary) and a column `label` (0 to 9)."""
    batches = [_read_table(path) for path in train]
    images = np.concatenate([b[0] for b in batches])
    labels = np.concatenate([b[1] for b in batches])
    return dict(zip(_FIELDS, (images, labels, *_read_table(test)), strict=True))


def _read_table(path: Path) -> tuple[np.ndarray, np.ndarray]:
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    try:
        table = pq.read_table(path, columns=["image", "label"])
    except (ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read ({error}); get the file again.") from error
    labels = table.column("label").to_numpy()
    if len(labels) and not (labels.min() >= 0 and labels.max() <= 9):
        row = int(np.argmax((labels < 0) | (labels > 9)))
        raise DataError(f"{path} row {row} has the label {labels[row]}; expected 0 to 9.")
    images = np.empty((len(labels), *_SHAPE), np.uint8)
    encoded = table.column("image").to_pylist()

    def decode(row: int) -> None:
        images[row] = _picture(path, row, encoded[row])

    with ThreadPoolExecutor() as pool:  # Pillow releases the lock while it decodes
        list(pool.map(decode, range(len(encoded)), chunksize=256))
    return images, labels.astype(np.uint8)


def _picture(path: Path, row: int, encoded: bytes) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(encoded)) as picture:
            pixels = np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path} row {row} is not a readable picture ({error}).") from error
    if pixels.shape != _SHAPE:
        raise DataError(f"{path} row {row} is a picture of shape {pixels.shape}; expected {_SHAPE}")
    return pixels


def _key(paths: Sequence[Path]) -> str:
    facts = [(p.name, (s := p.stat()).st_size, s.st_mtime_ns) for p in paths]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _kept(path: Path) -> Parts | None:
    """The decoded arrays; None where they are absent or cut off."""
    try:
        with path.open("rb") as file:
            return {name: np.load(file, allow_pickle=False) for name in _FIELDS}
    except (OSError, ValueError, EOFError):
        return None  # it is only a copy: decode again
