"""A folder of text files: a sub-folder per class, maybe under train/, val/ and test/."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trimaran.data.raw import RawTexts
from trimaran.data.sources.reviews import objects
from trimaran.data.sources.text import SUFFIXES
from trimaran.data.sources.utf8 import read_utf8
from trimaran.data.splits import SPELLINGS, TEST, TRAIN, VALIDATION
from trimaran.errors import DataError


@dataclass(frozen=True)
class Listing:
    """Texts with the folder that each lay in, and the split that the folder above says, or ""."""

    paths: tuple[Path, ...]
    texts: tuple[str, ...]
    labels: np.ndarray
    splits: tuple[str, ...]


def holds_texts(folder: Path) -> bool:
    """Whether text files, and nothing else, lie in the folders below."""
    found = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]
    deep = [p for p in found if p.parent != folder]
    return bool(deep) and all(p.suffix.lower() in SUFFIXES for p in deep)


def read_folder(folder: Path) -> RawTexts:
    """The texts below `folder`; see the module.

    Raises `DataError` for a file that is no UTF-8, and where there is no folder of texts.
    """
    found = list_texts(folder)
    parts = None
    if any(found.splits):
        where = np.array(found.splits)
        parts = {part: np.flatnonzero(where == part) for part in (TRAIN, VALIDATION, TEST)}
        parts = {part: rows for part, rows in parts.items() if len(rows)}
    origins = tuple(str(path) for path in found.paths)
    return RawTexts(
        folder.name, objects(found.texts), found.labels, parts=parts, origins=origins,
        facts={"origin": f"{len(found.texts):,} text files in {folder}"},
    )  # fmt: skip


def list_texts(folder: Path, leave: tuple[str, ...] = ()) -> Listing:
    """The texts of all classes but those in `leave`, in the order of their paths."""
    rooms = list(_rooms(folder))
    files = [
        (path, split)
        for room, split in rooms
        if room.name not in leave
        for path in sorted(room.iterdir())
        if path.suffix.lower() in SUFFIXES
    ]
    if not files:
        raise DataError(
            f"{folder} holds no folder of texts; expected a sub-folder for each class with .txt "
            "files in it."
        )
    return Listing(
        tuple(path for path, _ in files),
        tuple(read_utf8(path) for path, _ in files),
        np.array([path.parent.name for path, _ in files], dtype=object),
        tuple(split for _, split in files),
    )


def _rooms(folder: Path) -> Iterator[tuple[Path, str]]:
    """The folders of the classes, each with its split."""
    below = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    splits = {p: SPELLINGS[p.name.lower()] for p in below if p.name.lower() in SPELLINGS}
    if TRAIN not in splits.values():
        yield from ((p, "") for p in below)
        return
    for above, split in splits.items():
        yield from ((p, split) for p in sorted(above.iterdir()) if p.is_dir())
