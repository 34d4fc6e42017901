"""Look at a path: what is there, and what training on it will do and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from trimaran.data.language import LENGTH, RawText
from trimaran.data.material import infer_task, is_one_hot, usable
from trimaran.data.prepare import asks_forecast, load_path
from trimaran.data.raw import RawArrays, RawImages, RawTable, RawTexts
from trimaran.data.series.lines import raw_series
from trimaran.data.series.prepare import settled
from trimaran.data.settings import DataSettings
from trimaran.data.sources import folder, gather, reviews, table, text, textfolder
from trimaran.data.sources.place import place
from trimaran.data.sources.series import read_series
from trimaran.data.splits import SPELLINGS, TEST, TRAIN, VALIDATION
from trimaran.data.targets import comparable, present
from trimaran.data.texts.vocabulary import told_tokens

_FEW = 2000  # pictures; a deep network trained from nothing on fewer mostly learns them by heart
_SIDE_FOR_FEW = 64
_Size = tuple[int, int, int]


@dataclass(frozen=True)
class Finding:
    """What a path holds, and the choices that follow from it.

    kind:      "images", "table", "arrays", "text" (one to continue), "texts" or "series"
    task:      "classify", "regress", "language" or "forecast"
    model:     suggested name in the zoo; why: a clause to follow its name
    settings:  the recipe's data block
    sentences: for a person, in reading order; details: the same as JSON-ready values
    training:  values of the recipe's training block that suit the data
    """

    kind: str
    name: str
    task: str
    model: str
    why: str
    settings: DataSettings
    sentences: tuple[str, ...]
    details: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


def look(path: str | Path, target: str | None = None, base: DataSettings | None = None) -> Finding:
    """Find out what `path` holds; `base` carries settings that the user has chosen already.

    Raises `DataError` where there is nothing to learn from, or where the target is not clear.
    """
    where = Path(path).expanduser()
    settings = replace(base or DataSettings(), path=str(where), target=target)
    where = place(where)
    if where.is_dir() and textfolder.holds_texts(where):
        return _rows_of_text(textfolder.read_folder(where), settings, "the folder's name")
    if where.is_dir():
        return _pictures(folder.list_folder(where), settings)
    if text.is_text(where) and where.is_file():
        return _text(text.read_text(where), settings)
    if table.is_table(where) and asks_forecast(settings):
        return _series(where, settings)
    if table.is_table(where):
        rows = table.read_table(where)
        if folder.path_column(rows, settings):
            listing = folder.list_table(rows, where.parent, settings)
            return _pictures(listing, settings, f"the column {listing.label!r}")
        column = reviews.text_column(rows, settings)
        if column:
            texts = reviews.from_column(rows, column, settings)
            name = str(texts.facts["target column"])
            chosen = replace(settings, target=name, text=column)
            return _rows_of_text(texts, chosen, f"the column {name!r}")
        return _table(rows, settings)
    raw = load_path(where, settings)
    assert isinstance(raw, RawArrays | RawImages)
    return _arrays(raw, settings)


def _pictures(
    listing: folder.Listing, settings: DataSettings, target: str = "the folder's name"
) -> Finding:
    sizes, problems = gather.measured(listing.paths)
    good = [size for size in sizes if size is not None]
    broken = [p for p in problems if p]
    shape = gather.common_shape(good, settings) if good else (1, 1, 1)
    small = max(shape[:2]) > _SIDE_FOR_FEW and len(good) < _FEW
    if small and settings.image_size is None:
        settings = replace(settings, image_size=_SIDE_FOR_FEW)
        shape = gather.common_shape(good, settings) if good else shape
    labels = present(listing.labels)
    task = infer_task(labels, settings.task)
    model, why = suggest_for_images(shape, len(good))
    sentences = [
        f"{listing.name}: {len(listing.paths)} pictures, {_size_range(good)}.",
        *([_broken(broken, settings)] if broken else []),
        *listing.notices,
        _target_sentence(labels, task, target),
        f"Every picture becomes {shape[0]}x{shape[1]} with {shape[2]} channel(s), scaled to 0..1.",
        _split_sentence(set(listing.splits), settings, task),
    ]
    details = {"rows": len(listing.paths), "shape": list(shape), **_classes(labels, task)}
    name, why = listing.name, f"because {why}"
    return Finding("images", name, task, model, why, settings, tuple(sentences), details)


def suggest_for_images(shape: _Size, rows: int) -> tuple[str, str]:
    """(zoo name, reason) for pictures of (height, width, channels)."""
    side = min(shape[:2])
    if side < 20:
        return "mlp", f"pictures of {side} pixels are too small for two poolings"
    if max(shape[:2]) <= 40 and shape[2] == 1:
        return "mnist-cnn", "small grey pictures need no deeper network"
    if max(shape[:2]) <= 40 or rows < _FEW:
        return "cifar10-cnn", f"a small network suits {rows} pictures of {shape[0]}x{shape[1]}"
    return "resnet18", f"{rows} pictures of {shape[0]}x{shape[1]} can feed a deep network"


def _table(rows: RawTable, settings: DataSettings) -> Finding:
    from trimaran.data.columns import guess_target
    from trimaran.data.tabular import from_table

    target = settings.target or guess_target(rows)
    settings = replace(settings, target=target)
    material = from_table(rows, settings)
    labels = material.labels[material.allowed]
    task = infer_task(labels, settings.task)
    columns = material.facts["columns"]
    sentences = [
        f"{rows.name}: {len(rows)} rows, {len(rows.columns)} columns ({', '.join(rows.columns)}).",
        _target_sentence(labels, task, f"the column {target!r}"),
        f"{len(columns)} column(s) go in: {', '.join(columns)}; numbers are standardised, texts "
        f"become one-hot.",
        *material.notices,
        _split_sentence(set(), settings, task),
    ]
    details = {"rows": len(rows), "columns": columns, "target": target, **_classes(labels, task)}
    why = "the network for rows of numbers"
    return Finding("table", rows.name, task, "mlp", why, settings, tuple(sentences), details)


def _arrays(raw: RawArrays | RawImages, settings: DataSettings) -> Finding:
    values = raw.images if isinstance(raw, RawImages) else raw.inputs
    kind = "images" if isinstance(raw, RawImages) else "arrays"
    allowed, told = usable(raw.labels, settings, raw.row)
    labels = raw.labels[allowed]
    task = infer_task(labels, settings.task)
    model, why = "mlp", "the rows are plain numbers"
    if isinstance(raw, RawImages):
        height, width, channels = values.shape[1:]
        model, why = suggest_for_images((height, width, channels), len(values))
    sentences = (
        f"{raw.name}: {len(values)} rows of shape {values.shape[1:]}, {values.dtype}.",
        _target_sentence(labels, task, "the target array"),
        *told,
        _split_sentence(set(raw.parts or ()), settings, task),
    )
    details = {"rows": len(values), "shape": list(values.shape[1:]), **_classes(labels, task)}
    why = f"because {why}"
    return Finding(kind, raw.name, task, model, why, settings, sentences, details)


_TEXT_TRAINING = {
    "optimizer": {"name": "adam", "learning_rate": 4e-3},
    "batch_size": 64,
    "clip_norm": 1.0,
}
"""As in the recipe shakespeare-charlstm."""


_READING = {"optimizer": {"name": "adam", "learning_rate": 2e-3}, "epochs": 5, "clip_norm": 1.0}


def _rows_of_text(raw: RawTexts, settings: DataSettings, target: str) -> Finding:
    given = [text.split() for text in raw.texts if isinstance(text, str)]
    words = sorted(map(len, given)) or [0]
    labels = present(raw.labels)
    task = infer_task(labels, settings.task)
    own = set(raw.parts or ()) or ({TRAIN} if raw.fixed is None else set())
    sentences = (
        f"{raw.name}: {len(raw)} texts of {words[0]} to {words[-1]} words, half of them of "
        f"{words[len(words) // 2]} at most.",
        _target_sentence(labels, task, target),
        f"{told_tokens(settings.tokens)}; a linear model is trained beside.",
        *raw.notices,
        _split_sentence(own, settings, task),
    )
    details = {"rows": len(raw), "words": words[len(words) // 2], **_classes(labels, task)}
    why = "because it reads texts of any length"
    found = Finding("texts", raw.name, task, "text-lstm", why, settings, sentences, details)
    return replace(found, training=_READING)


def _text(raw: RawText, settings: DataSettings) -> Finding:
    size, different = len(raw.text), len(set(raw.text))
    length = settings.length or LENGTH
    settings = replace(
        settings, task="language", length=length, stride=settings.stride or length // 4
    )
    held = 0.1 if settings.test is None else settings.test
    sentences = (
        f"{raw.name}: one long text of {size:,} characters, {different} of them different.",
        f"It is learned to be continued, a character at a time, in windows of {settings.length}.",
        f"The last {held:.0%} of it tests, the {settings.validation:.0%} before that validate.",
    )
    rows = max(1, size // int(settings.stride or 1))
    details = {"rows": rows, "characters": size, "different": different}
    why = "because it reads and writes character by character"
    found = Finding("text", raw.name, "language", "charlstm", why, settings, sentences, details)
    return replace(found, training=_TEXT_TRAINING)


def _series(where: Path, settings: DataSettings) -> Finding:
    settings = settled(settings)
    raw = raw_series(read_series(where), settings.series, settings.drop, settings.keep)
    chosen, facts = settings.series, raw.facts
    told, inputs = raw.columns[: raw.targets], raw.columns[raw.targets :]
    held = 0.2 if settings.test is None else settings.test
    beside = f", beside {', '.join(inputs)}" if inputs else ""
    sentences = (
        f"{raw.name}: {facts['series']} series from {facts['from']} to {facts['to']}, a row each "
        f"{facts['step'].removeprefix('a ')}.",
        f"{', '.join(told)} are forecast {chosen.horizon} steps ahead from windows of "
        f"{chosen.length}{beside}.",
        *raw.notices,
        f"The last {held:.0%} of the time tests, the {settings.validation:.0%} before that "
        "validate.",
    )
    settings = replace(settings, task="forecast")
    rows = sum(len(line.stamps) for line in raw.lines) // chosen.stride
    details = {"rows": rows, "columns": list(told), "series": facts["series"]}
    why = "because a linear map of the past is hard to beat"
    finding = Finding("series", raw.name, "forecast", "dlinear", why, settings, sentences, details)
    return replace(finding, training=_SERIES_TRAINING)


_SERIES_TRAINING = {
    "optimizer": {"name": "adam", "learning_rate": 5e-4},
    "batch_size": 32,
}
"""As in the recipe etth1-dlinear."""


def _target_sentence(labels: np.ndarray, task: str, where: str) -> str:
    if task == "regress":
        values = labels.astype(np.float64)
        return (
            f"The target is {where}: numbers from {values.min():g} to {values.max():g}, so the "
            f"task is regress."
        )
    names, counts = _counted(labels)
    shown = ", ".join(f"{n}: {c}" for n, c in zip(names[:12], counts[:12], strict=True))
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    classes = "1 class" if len(names) == 1 else f"{len(names)} classes"
    return f"The target is {where}: {classes} ({shown}{more}), so the task is classify."


def _counted(labels: np.ndarray) -> tuple[list[str], list[int]]:
    column = labels if labels.ndim == 1 else labels[:, 0]
    flat = labels.argmax(axis=1) if is_one_hot(labels) else column
    names, counts = np.unique(comparable(flat), return_counts=True)
    return [str(n) for n in names.tolist()], [int(c) for c in counts]


def _classes(labels: np.ndarray, task: str) -> dict[str, Any]:
    return {"classes": dict(zip(*_counted(labels), strict=True))} if task == "classify" else {}


def _split_sentence(present: set[str], settings: DataSettings, task: str) -> str:
    """Who trains, validates and tests."""
    if settings.split_column:
        return f"The column {settings.split_column!r} says which rows train, validate and test."
    present = {SPELLINGS.get(name.lower(), name) for name in present}
    test = 0.2 if settings.test is None else settings.test
    drawn = {VALIDATION: settings.validation, TEST: test}
    parts = [
        f"{fraction:.0%} of the rows for {name}"
        for name, fraction in drawn.items()
        if name not in present and fraction > 0
    ]
    own = sorted(present - {TRAIN})
    begin = f"Its own {' and '.join(own)} split is kept; " if own else ""
    if not parts:
        return f"{begin}the other rows train."
    how = " with the classes in their shares" if task == "classify" and settings.stratify else ""
    told = f"{begin}the seed draws {' and '.join(parts)}{how}; the others train."
    return told[0].upper() + told[1:]


def _size_range(sizes: Sequence[gather.Size]) -> str:
    if not sizes:
        return "none of which can be read"
    low, high = min(s[:2] for s in sizes), max(s[:2] for s in sizes)
    if low == high:
        return f"all {low[0]}x{low[1]} (height x width)"
    heights, widths = [s[0] for s in sizes], [s[1] for s in sizes]
    return f"of heights {min(heights)} to {max(heights)} and widths {min(widths)} to {max(widths)}"


def _broken(problems: Sequence[str], settings: DataSettings) -> str:
    fate = "they are left out" if settings.on_bad == "drop" else "training will refuse to start"
    return f"{len(problems)} are unreadable, so {fate}; the first: {problems[0]}."
