"""The way from a recipe's `data:` block, or from arrays, to prepared splits."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from trimaran.data.language import RawText, prepare_text
from trimaran.data.material import Material, from_array, from_images
from trimaran.data.prepared import Output, Prepared, finish
from trimaran.data.raw import ImageFiles, RawArrays, RawImages, RawTable, RawTexts
from trimaran.data.series.lines import Frame
from trimaran.data.series.settings import SeriesSettings
from trimaran.data.settings import DataSettings
from trimaran.data.sources.bundled import BUNDLED, load_bundled
from trimaran.data.sources.download import Progress
from trimaran.data.sources.named import NAMED
from trimaran.data.sources.place import place
from trimaran.data.sources.reviewsets import REVIEWS, load_reviews
from trimaran.data.sources.series import SERIES, load_series, read_series
from trimaran.data.sources.table import is_table
from trimaran.data.sources.text import TEXTS, is_text, load_text, read_text
from trimaran.errors import DataError, RecipeError

__all__ = ["DataSettings", "Output", "Prepared", "prepare", "prepare_arrays"]
SETS = (*NAMED, *BUNDLED, *TEXTS, *REVIEWS, *SERIES)
_TEST = 0.2  # drawn where a set has no test split of its own and none is asked for
_TEXT_TEST = 0.1  # of a text, at its end
Raw = RawImages | RawTable | RawArrays | RawTexts | ImageFiles
_SOURCES = (
    "a folder of pictures or texts, a .csv, .tsv, .jsonl, .parquet or .npz file, a .zip or .tar.gz "
    "of one, or a .txt to learn to continue"
)


def prepare(settings: DataSettings, seed: int, progress: Progress | None = None) -> Prepared:
    """The data set that `settings` describe. The same arguments give the same bytes.

    progress: called with (bytes so far, bytes in all) while a public set is downloaded.
    Raises `RecipeError` for an unknown set, `DataError` for everything wrong with the data.
    """
    raw = load(settings, progress)
    if isinstance(raw, Frame):
        if settings.task not in (None, "forecast"):
            raise RecipeError(f"{raw.name} is a table with a time, so its task is forecast.")
        from trimaran.data.series.prepare import prepare_series

        return prepare_series(raw, settings, _TEST if settings.test is None else settings.test)
    if settings.task == "forecast":
        raise RecipeError("The task forecast takes a table with a time: a .csv or .parquet file.")
    if isinstance(raw, RawText):
        if settings.task not in (None, "language"):
            raise RecipeError(f"{raw.name} is one long text, so its task is language.")
        return prepare_text(raw, settings, _TEXT_TEST if settings.test is None else settings.test)
    if settings.task == "language":
        raise RecipeError("The task language takes one long text: a .txt, or a set of one.")
    test = _TEST if settings.test is None else settings.test
    return finish(_material(raw, settings), settings, seed, test)


def prepare_arrays(
    x: Any,
    y: Any,
    settings: DataSettings | None = None,
    seed: int = 0,
    weights: Any = None,
) -> Prepared:
    """Arrays or frames in memory; no test split unless `settings.test` asks for one.

    x: (N, d) numbers, (N, height, width[, channels]) uint8 pictures, any other (N, *shape)
    numbers, or a pandas or polars frame; y: (N,) labels or numbers, (N, k) one-hot or numbers, or
    the name of a column of the frame x; weights: (N,) sample weights of at least 0.
    Raises `DataError` where lengths differ or a value cannot be used.
    """
    chosen = settings or DataSettings()
    if hasattr(x, "columns"):
        material, chosen = _framed(x, y, chosen)
    else:
        material = _plain(np.asarray(x), np.asarray(y), chosen)
    if weights is not None:
        material = replace(material, weights=_weights(weights, len(material.labels)))
    return finish(material, chosen, seed, chosen.test or 0.0)


def load(settings: DataSettings, progress: Progress | None = None) -> Raw | RawText | Frame:
    """What the source holds, before any decision about splits or features."""
    if (settings.set is None) == (settings.path is None):
        raise RecipeError(
            "The data block needs either a set or a path: write data.set=mnist, or "
            f"data.path=PATH with {_SOURCES}."
        )
    if settings.set is not None:
        return _load_set(settings.set, progress)
    path = Path(str(settings.path)).expanduser()
    if asks_forecast(settings) and is_table(place(path)):
        return read_series(place(path))
    return read_text(path) if is_text(path) and path.is_file() else load_path(path, settings)


def asks_forecast(settings: DataSettings) -> bool:
    """Whether a table is to be read as series: the task says so, or one of its settings."""
    return settings.task == "forecast" or settings.series != SeriesSettings()


def load_path(path: Path, settings: DataSettings) -> Raw:
    """Your own folder or file; raises `DataError` for anything that is neither."""
    from trimaran.data.sources import arrays, folder, gather, reviews, table, textfolder

    path = place(path)
    if path.is_dir() and textfolder.holds_texts(path):
        return textfolder.read_folder(path)
    if path.is_dir():
        return gather.gather(folder.list_folder(path), settings)
    if path.suffix.lower() == ".npz" and path.is_file():
        return arrays.read_npz(path, settings.target)
    if not table.is_table(path):
        problem = "is none of them" if path.exists() else "does not exist"
        raise DataError(f"{path} {problem}; expected {_SOURCES}.")
    rows = table.read_table(path)
    if folder.path_column(rows, settings):
        return gather.gather(folder.list_table(rows, path.parent, settings), settings)
    column = reviews.text_column(rows, settings)
    return reviews.from_column(rows, column, settings) if column else rows


def _load_set(name: str, progress: Progress | None) -> Raw | RawText | Frame:
    if name in SERIES:
        return load_series(name, progress)
    if name in TEXTS:
        return load_text(name, progress)
    if name in REVIEWS:
        return load_reviews(name, progress)
    if name in BUNDLED:
        return load_bundled(name)
    if name in NAMED:
        from trimaran.data.sources.images import load_named

        return load_named(name, progress)
    near = difflib.get_close_matches(name, SETS, 1)
    hint = f"did you mean {near[0]!r}?" if near else "check the spelling."
    raise RecipeError(f"There is no set {name!r}; the sets are {', '.join(SETS)}; {hint}")


def _material(raw: Raw, settings: DataSettings) -> Material:
    if isinstance(raw, RawTable):
        from trimaran.data.tabular import from_table

        return from_table(raw, settings)
    if isinstance(raw, RawTexts):
        from trimaran.data.texts.prepare import from_texts

        return from_texts(raw, settings)
    if isinstance(raw, RawImages):
        return from_images(raw, settings)
    if isinstance(raw, RawArrays):
        return from_array(raw, settings)
    from trimaran.data.streamed import from_files

    return from_files(raw, settings)


def _framed(x: Any, y: Any, settings: DataSettings) -> tuple[Material, DataSettings]:
    from trimaran.data.sources.table import column, from_frame

    table = from_frame(x)
    if isinstance(y, str):
        target = y
    else:
        target = "(target)"
        values = column(np.asarray(y))
        _same_length(len(table), len(values))
        table = replace(table, columns={**table.columns, target: values})
    chosen = replace(settings, target=target)
    return _material(table, chosen), chosen


def _plain(x: np.ndarray, y: np.ndarray, settings: DataSettings) -> Material:
    if x.ndim < 2 or x.dtype.kind not in "fiub":
        raise DataError(
            f"The input array has the shape {x.shape} and the type {x.dtype}; expected rows of "
            f"numbers (N, ...), or a frame if some columns hold texts."
        )
    _same_length(len(x), len(y))
    if x.dtype == np.uint8 and x.ndim in (3, 4):
        return from_images(RawImages("arrays", x if x.ndim == 4 else x[..., None], y), settings)
    return from_array(RawArrays("arrays", x, y), settings)


def _weights(weights: Any, count: int) -> np.ndarray:
    values = np.asarray(weights, np.float32)
    if values.shape != (count,):
        raise DataError(
            f"The sample weights have the shape {values.shape}; expected one per row, ({count},)."
        )
    return values


def _same_length(rows: int, targets: int) -> None:
    if rows != targets:
        raise DataError(f"There are {rows} rows of input, but {targets} targets; give one per row.")
