"""The named sets as Keras gives them: `mnist.load_data()` and its siblings."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from trimaran.data.splits import TEST, TRAIN, SplitSettings, split

Arrays = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Dataset:
    """One named set; `colour` sets have labels of shape (n, 1) there, the others (n,)."""

    name: str
    colour: bool = False

    def load_data(self) -> tuple[Arrays, Arrays]:
        """((x_train, y_train), (x_test, y_test)), all uint8: images (n, height, width[, 3]).

        Raises `DataError` where the set is neither on this machine nor to be downloaded. If only
        the 5,000 embedded digits of mnist are to be had, a warning says so, and a fifth of them
        (drawn with seed 0, 100 of each digit) is the test part.
        """
        from trimaran.data.sources.images import load_named

        raw = load_named(self.name)
        for notice in raw.notices:
            warnings.warn(notice, stacklevel=2)
        images = raw.images if self.colour else raw.images[..., 0]
        labels = raw.labels[:, None] if self.colour else raw.labels
        parts = raw.parts or split(
            len(raw), SplitSettings(validation=0, test=0.2, stratify=True), labels=raw.labels
        )
        train, test = parts[TRAIN], parts[TEST]
        return (images[train], labels[train]), (images[test], labels[test])


mnist = Dataset("mnist")
fashion_mnist = Dataset("fashion-mnist")
cifar10 = Dataset("cifar10", colour=True)
