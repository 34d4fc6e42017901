"""Your own pictures: one sub-folder per class, or a CSV of path and label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trimaran.data.raw import RawTable
from trimaran.data.settings import DataSettings
from trimaran.data.sources.pictures import SUFFIXES, is_picture
from trimaran.data.splits import SPELLINGS, TRAIN
from trimaran.errors import DataError

_LABELS = ("label", "class", "target", "category", "y")


@dataclass(frozen=True)
class Listing:
    """Picture files with their labels, before one of them was opened.

    splits: the split that a folder's name assigns to each file, or () for none
    label:  the column that the labels come from, in a table
    """

    name: str
    paths: tuple[Path, ...]
    labels: np.ndarray
    splits: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    label: str = ""


def list_folder(folder: Path) -> Listing:
    """The pictures below `folder`: a sub-folder per class, maybe under train/, val/ and test/.

    Raises `DataError` where there is no class folder or no picture.
    """
    below = _subfolders(folder)
    splits = {d: SPELLINGS[d.name.lower()] for d in below if d.name.lower() in SPELLINGS}
    if TRAIN not in splits.values():
        splits = {}
    rooms = {(d, s): c for d, s in splits.items() for c in [_subfolders(d)]}
    classes = [(c, s) for (_, s), found in rooms.items() for c in found]
    if not splits:
        classes = [(c, "") for c in below]
    files: list[tuple[Path, str, str]] = []
    notices: list[str] = []
    for where, part in classes:
        pictures, others = _contents(where)
        files += [(p, where.name, part) for p in pictures]
        notices += _told(where.relative_to(folder.parent), pictures, others)
    if not files:
        raise DataError(_without(folder))
    loose = [p for d in (folder, *splits) for p in sorted(d.iterdir()) if is_picture(p)]
    if loose:
        notices.append(
            f"{len(loose)} picture(s) lie outside every class folder and are not used, the first: "
            f"{loose[0].relative_to(folder.parent)}."
        )
    left = [d for d in below if splits and d not in splits]
    if left:
        stands = left[0].relative_to(folder.parent)
        notices.append(f"{stands} stands beside the split folders and is not used.")
    return Listing(
        folder.name,
        tuple(p for p, _, _ in files),
        np.array([c for _, c, _ in files], dtype=object),
        tuple(s for _, _, s in files) if splits else (),
        tuple(notices),
    )


def _without(folder: Path) -> str:
    """What is wrong with a folder without classes, and what may be meant."""
    files = sorted(p.name for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    more = f" and {len(files) - 6} more" if len(files) > 6 else ""
    holds = f" (it holds {', '.join(files[:6])}{more})" if files else ""
    return (
        f"{folder} has no sub-folder with pictures in it{holds}; make one sub-folder per class, "
        f"or name one table or .npz file, which may be a CSV with a column of paths and a column "
        f"of labels."
    )


def _subfolders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _contents(folder: Path) -> tuple[list[Path], list[Path]]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return [p for p in files if is_picture(p)], [p for p in files if not is_picture(p)]


def _told(where: Path, pictures: Sequence[Path], others: Sequence[Path]) -> list[str]:
    told = [] if pictures else [f"{where} holds no picture, so it is no class."]
    if others:
        told.append(
            f"{len(others)} file(s) in {where} are no pictures by their names and are not used, "
            f"the first: {others[0].name}."
        )
    return told


def path_column(table: RawTable, settings: DataSettings) -> str | None:
    """The column that holds names of picture files, in nine of ten rows, if one is used at all."""
    for name, values in table.columns.items():
        if values.dtype != object or name in settings.drop:
            continue
        known = [v for v in values.tolist() if isinstance(v, str)]
        pictures = sum(Path(v).suffix.lower() in SUFFIXES for v in known)
        if known and pictures >= 0.9 * len(known):
            return name
    return None


def list_table(table: RawTable, folder: Path, settings: DataSettings) -> Listing:
    """Pictures named in a table; relative paths start at the table's `folder`.

    Raises `DataError` naming the row where a path is missing or leads to no file.
    """
    column = path_column(table, settings)
    assert column is not None
    label = settings.target or label_column(table, column, settings)
    if label not in table.columns:
        raise DataError(
            f"{table.where} has no column {label!r}; its columns are {', '.join(table.columns)}."
        )
    paths = named_files(table, folder, column)
    splits: tuple[str, ...] = ()
    if settings.split_column:
        splits = tuple(str(v) for v in table.columns[settings.split_column].tolist())
    return Listing(table.name, tuple(paths), table.columns[label], splits, table.notices, label)


def named_files(table: RawTable, folder: Path, column: str) -> list[Path]:
    """The files that a column names; raises `DataError` naming the row that leads to none."""
    paths = []
    for row, value in enumerate(table.columns[column].tolist()):
        if value is None or not (folder / value).is_file():
            raise DataError(
                f"{table.row(row)} names the picture {value!r}, which is no file in {folder}; "
                f"correct the path, remove the row, or "
                f"leave the column out with data.drop={column}."
            )
        paths.append(folder / value)
    return paths


def label_column(table: RawTable, path: str, settings: DataSettings) -> str:
    """The one column beside the paths, or the one with a telling name."""
    others = [n for n in table.columns if n not in (path, settings.split_column)]
    telling = [n for n in others if n.lower() in _LABELS]
    if len(others) == 1 or len(telling) == 1:
        return (telling or others)[0]
    raise DataError(
        f"{table.where} has several columns that may be the label ({', '.join(others)}); name "
        f"one with data.target=COLUMN."
    )
