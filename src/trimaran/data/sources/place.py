"""What a path leads to: an archive is opened, and a folder around one file is entered."""

from __future__ import annotations

from pathlib import Path

from trimaran.data.sources import archive, table


def place(path: Path) -> Path:
    """The folder of pictures, or the file, that is meant. Raises as `archive.opened` does."""
    where = archive.opened(path) if archive.is_archive(path) else path
    if not where.is_dir() or any(p.is_dir() for p in _seen(where)):
        return where
    files = data_files(where)
    return files[0] if len(files) == 1 else where


def data_files(folder: Path) -> list[Path]:
    """The tables and NumPy archives that lie in a folder itself."""
    return [p for p in _seen(folder) if table.is_table(p) or p.suffix.lower() == ".npz"]


def _seen(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if not p.name.startswith((".", "__MACOSX")))
