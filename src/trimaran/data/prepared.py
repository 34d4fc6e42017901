"""A data set ready to train on, and how any material becomes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from trimaran.data.batches import Rows
from trimaran.data.duplicates import across, equal
from trimaran.data.facts import describe
from trimaran.data.material import Material, infer_task, is_one_hot, refuse_one_class
from trimaran.data.order import SPLIT, permutation
from trimaran.data.preprocess import INPUT, OUTPUT, Field, Preprocess
from trimaran.data.series.target import Forecast
from trimaran.data.settings import DataSettings
from trimaran.data.splits import TEST, TRAIN, VALIDATION, SplitSettings, split
from trimaran.data.targets import Labels, RowName, Target, Tokens, Values, as_matrix, comparable
from trimaran.errors import DataError

if TYPE_CHECKING:
    from trimaran.data.stream import Stream

_LIMIT = 1  # the stream of `permutation` that draws the rows of `limit`


@dataclass(frozen=True)
class Output:
    """What the model predicts: "classes" with their names, "number", "tokens", each the one after
    its own, or "series", `steps` ahead with `levels` of quantiles; `size` entries wide."""

    kind: str
    classes: tuple[str, ...]
    size: int
    steps: int = 1
    levels: int = 1

    @classmethod
    def of(cls, target: Target) -> Output:
        if isinstance(target, Labels):
            return cls("classes", target.names, target.size)
        if isinstance(target, Tokens):
            return cls("tokens", (), target.size)
        if isinstance(target, Forecast):
            levels = max(1, len(target.quantiles))
            return cls("series", (), target.size, target.horizon, levels)
        return cls("number", (), target.size)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set ready to train on; see `Rows`, `Stream` and `Preprocess`.

    task:    "classify", "regress", "language" or "forecast"
    splits:  "train", and "validation" and "test" where they exist
    inputs:  input name -> shape without the batch axis
    outputs: output name -> what it predicts
    facts:   JSON-ready: origin, licence, rows per split, class counts, duplicates, digest ...
    notices: sentences that a person must see, such as what was filled, dropped or is missing
    content: the texts as they were found, by the ids of the rows; None where the data are no texts
    """

    name: str
    task: str
    splits: Mapping[str, Rows | Stream]
    inputs: Mapping[str, tuple[int, ...]]
    outputs: Mapping[str, Output]
    preprocess: Preprocess
    facts: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    content: np.ndarray | None = None


def finish(material: Material, settings: DataSettings, seed: int, test: float) -> Prepared:
    """Split, fit on the training rows, apply to all rows, count and check.

    test: the fraction that is drawn where the material has no test split of its own.
    """
    task, labels = _task(material, settings)
    if task == "classify":
        refuse_one_class(material.name, labels[material.allowed])
    parts = _parts(material, labels, settings, (seed, test, task))
    train = parts[TRAIN]
    target: Labels | Values = (
        Labels.fit(labels[train], material.classes)
        if task == "classify"
        else Values.fit(as_matrix(labels[train]))
    )
    model_input = material.fit(train)
    splits = {
        name: _fetched(
            material, model_input, rows, target.encode(labels[rows], _named(material, rows))
        )
        for name, rows in parts.items()
    }
    facts, told = _facts(material, splits, target)
    return Prepared(
        name=material.name,
        task=task,
        splits=splits,
        inputs={INPUT: model_input.shape},
        outputs={OUTPUT: Output.of(target)},
        preprocess=Preprocess({INPUT: model_input}, {OUTPUT: target}),
        facts={**material.facts, **facts},
        notices=(*material.notices, *_ignored(material, settings), *told),
        content=material.content,
    )


def _fetched(
    material: Material, model_input: Field, rows: np.ndarray, targets: np.ndarray
) -> Rows | Stream:
    weights = None if material.weights is None else material.weights[rows]
    return material.fetch(model_input, rows, targets, weights)


def _named(material: Material, rows: np.ndarray) -> RowName:
    """How to name the k-th of `rows`."""
    return lambda k: material.row(int(rows[k]))


def _task(material: Material, settings: DataSettings) -> tuple[str, np.ndarray]:
    """The task, and the labels in one column where they came one-hot."""
    labels = material.labels
    task = infer_task(labels[material.allowed], settings.task)
    if task == "classify" and labels.ndim == 2:
        if labels.shape[1] > 1 and not is_one_hot(labels[material.allowed]):
            raise DataError(
                f"The target has {labels.shape[1]} columns that are not one-hot, so it names no "
                f"single class; give one column of labels or task=regress."
            )
        labels = labels.argmax(axis=1) if labels.shape[1] > 1 else labels[:, 0]
    return task, labels


def _parts(
    material: Material, labels: np.ndarray, settings: DataSettings, how: tuple[int, float, str]
) -> dict[str, np.ndarray]:
    """Split name -> sorted positions."""
    seed, test, task = how
    stratify = settings.stratify and task == "classify" and material.groups is None
    pool = {
        name: np.intersect1d(rows, material.allowed, assume_unique=True)
        for name, rows in (material.parts or {TRAIN: material.allowed}).items()
    }
    if settings.limit is not None:
        pool = _limited(pool, labels, settings.limit, seed, stratify)
    held = {name for name, rows in pool.items() if len(rows)} - {TRAIN}
    wanted = SplitSettings(
        validation=0.0 if VALIDATION in held else settings.validation,
        test=0.0 if TEST in held else test,
        stratify=stratify,
        group=settings.group,
        column=settings.split_column,
    )
    train = pool[TRAIN]
    drawn = split(
        len(train),
        wanted,
        labels=labels[train] if stratify else None,
        groups=None if material.groups is None else material.groups[train],
        fixed=None if material.fixed is None else material.fixed[train],
        seed=seed,
    )
    merged = pool | {name: train[rows] for name, rows in drawn.items()}
    return {name: merged[name] for name in (TRAIN, VALIDATION, TEST) if len(merged.get(name, ()))}


def _limited(
    pool: Mapping[str, np.ndarray], labels: np.ndarray, limit: int, seed: int, stratify: bool
) -> dict[str, np.ndarray]:
    """At most `limit` rows in all, shared among the splits, and the classes, by their sizes."""
    total = sum(len(rows) for rows in pool.values())
    if limit >= total:
        return dict(pool)
    kept = {}
    for name, rows in pool.items():
        order = permutation(len(rows), seed, SPLIT, _LIMIT)
        if stratify:
            order = _interleaved(order, labels[rows])
        kept[name] = np.sort(rows[order[: max(1, round(limit * len(rows) / total))]])
    return kept


def _interleaved(order: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """`order` rearranged so that each of its beginnings holds the classes in their shares."""
    codes = np.unique(comparable(labels), return_inverse=True)[1][order]
    by_class = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    rank = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    share = (rank + 0.5) / np.repeat(sizes, sizes)
    return order[by_class[np.argsort(share, kind="stable")]]


def _ignored(material: Material, settings: DataSettings) -> tuple[str, ...]:
    if settings.test and material.parts and TEST in material.parts:
        return (f"data.test={settings.test} is not used: {material.name} has its own test split.",)
    return ()


def _facts(
    material: Material, splits: Mapping[str, Rows | Stream], target: Labels | Values
) -> tuple[dict[str, Any], tuple[str, ...]]:
    facts = describe(splits, target)
    found = across(splits) if material.content is None else equal(splits, material.content)
    facts["duplicates"] = [crossing.to_json() for crossing in found]
    return facts, tuple(str(crossing) for crossing in found)
