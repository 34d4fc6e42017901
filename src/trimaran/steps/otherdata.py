"""Rows with answers that a run has not seen, in the terms of its fitted preprocessing."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from trimaran.data.batches import Rows
from trimaran.data.columns import guess_target
from trimaran.data.fields import ImageField
from trimaran.data.language import windows
from trimaran.data.prepare import load_path
from trimaran.data.preprocess import INPUT, OUTPUT, Preprocess
from trimaran.data.raw import ImageFiles, RawArrays, RawImages, RawTable, RawTexts
from trimaran.data.series.field import SeriesField
from trimaran.data.series.windows import every_window
from trimaran.data.settings import DataSettings
from trimaran.data.sources.archive import is_archive, opened
from trimaran.data.sources.folder import named_files, path_column
from trimaran.data.sources.pictures import list_pictures
from trimaran.data.sources.table import is_table, read_table
from trimaran.data.sources.text import is_text, read_text
from trimaran.data.sources.utf8 import read_utf8
from trimaran.data.targets import RowName, plain_row
from trimaran.data.textfield import TextField
from trimaran.data.texts.field import PaddedText
from trimaran.errors import DataError
from trimaran.runs import RunFiles

_PATH = 1000  # characters of the longest path that is looked for
INPUTS = ("x", "X", "images", "data", "inputs", "x_test")


def rows(run: RunFiles, data: Any) -> Rows:
    """Model-ready rows with targets.

    Args:
        data: a path as in a recipe's `data.path`, or a pair (inputs, labels); a text for a run that
            learned to continue one.

    Raises:
        DataError: other columns or shapes than the run learned from, or a label it never saw.
    """
    field = run.preprocess.inputs.get(INPUT)
    if isinstance(field, TextField):
        if isinstance(data, tuple):
            raise DataError("This run learned to continue a text; score it on a .txt file.")
        return windows(field.tokenizer.encode(read_text(Path(data).expanduser()).text), field)
    if isinstance(field, SeriesField):
        if isinstance(data, tuple):
            raise DataError("This run forecasts series; score it on a table with a time.")
        return every_window(field, run.preprocess.outputs[OUTPUT], Path(data).expanduser())
    given = (*data, plain_row) if isinstance(data, tuple) else _from_path(run, Path(data))
    inputs, labels, row = given
    found = run.preprocess.apply(inputs)
    if len(found) != len(labels):
        raise DataError(f"There are {len(found)} rows and {len(labels)} labels; give one each.")
    if not len(found):
        raise DataError("There is no row to score; give some with their true answers.")
    return replace(found, targets={OUTPUT: run.preprocess.encode(labels, row=row)})


def _from_path(run: RunFiles, path: Path) -> tuple[Any, np.ndarray, RowName]:
    """Inputs, labels, and how to name a row; picture files go the way of the run's own size."""
    settings = replace(run.recipe.data_settings(), set=None, path=str(path))
    raw = load_path(path.expanduser(), settings)
    match raw:
        case RawTable():
            return raw, _column(raw, settings.target), raw.row
        case RawTexts():
            return raw.texts.tolist(), raw.labels, raw.row
        case RawImages():
            return list(raw.origins) or raw.images, raw.labels, raw.row
        case RawArrays():
            return raw.inputs, raw.labels, raw.row
        case ImageFiles():
            return list(raw.paths), raw.labels, raw.row


def questions(preprocess: Preprocess, given: Any) -> tuple[Any, tuple[str, ...]]:
    """Raw rows without answers as `Preprocess.apply` takes them, and the names of pictures.

    Args:
        given: arrays or frames as they are; a picture, a folder or a list of pictures, or a table
            that names them; a table's file; an .npz of arrays, or an .npy; a text, texts, or a
            file or folder of them.
    """
    if isinstance(preprocess.inputs.get(INPUT), PaddedText):
        return _texts(given)
    if isinstance(given, str | Path):
        path = Path(given).expanduser()
        if is_archive(path):
            given = path = opened(path)
        if path.suffix.lower() in (".npz", ".npy"):
            return _array(path), ()
        if isinstance(preprocess.inputs.get(INPUT), ImageField):
            given = _named_pictures(path) if is_table(path) else list_pictures(path)
    if isinstance(given, list) and given and isinstance(given[0], str | Path):
        if not isinstance(preprocess.inputs.get(INPUT), ImageField):
            raise DataError(f"{given[-1]}: this run takes one file of rows at a time, not several.")
        return given, tuple(map(str, given))
    return given, ()


def _texts(given: Any) -> tuple[Any, tuple[str, ...]]:
    """Texts as they are; what is called like a file that exists is one."""
    if isinstance(given, list) and given and isinstance(given[0], Path):
        return [read_utf8(path) for path in given], tuple(map(str, given))
    path = Path(given).expanduser() if isinstance(given, str | Path) and _short(given) else None
    if path is None or not path.exists():
        if isinstance(given, Path):
            raise DataError(f"{given} does not exist; check the path.")
        return given, ()
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if is_text(p))
        return [read_utf8(p) for p in files], tuple(map(str, files))
    return (path, ()) if is_table(path) else ([read_utf8(path)], (str(path),))


def _short(given: str | Path) -> bool:
    """Whether it could be a path: the system refuses to look for longer ones."""
    return len(str(given)) < _PATH and "\n" not in str(given)


def _named_pictures(path: Path) -> list[Path]:
    """The files that a table of pictures names; it needs no labels."""
    table = read_table(path)
    column = path_column(table, DataSettings())
    if column is None:
        raise DataError(
            f"{path} has no column of picture files, which this run learned from; give pictures, a "
            f"folder of them, or a table that names them."
        )
    return named_files(table, path.parent, column)


def _array(path: Path) -> np.ndarray:
    """The inputs in a file of arrays: the only one, or the one that is called like inputs."""
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        with found:
            named = next((name for name in INPUTS if name in found.files), None)
            if named is None and len(found.files) != 1:
                raise DataError(
                    f"{path} holds the arrays {', '.join(found.files)}; name the inputs x."
                )
            return np.asarray(found[named or found.files[0]])
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read as plain arrays ({error}).") from None


def _column(table: RawTable, target: str | None) -> np.ndarray:
    target = target or guess_target(table)
    if target not in table.columns:
        raise DataError(
            f"{table.where} has no column {target!r} with the true answers; add it, or use "
            "'trimaran predict' for rows without answers."
        )
    return table.columns[target]
