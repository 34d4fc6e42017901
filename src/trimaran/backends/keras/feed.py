"""A split on its way to the worker: whole where it can stay there, else batch by batch."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from trimaran.data.augment import Augment, augment_rows
from trimaran.data.batches import Rows
from trimaran.data.stream import Stream
from trimaran.errors import TrainingError

Arrays = dict[str, np.ndarray]


class Feed:
    """A split's batches as arrays named "inputs/<name>", "targets/<name>" and "weights".

    Rows in memory are sent once and then told by position; augmented and streamed rows are made
    here and sent, and so are padded ones, without most of what is padding in all of a batch.
    """

    def __init__(
        self,
        split: Rows | Stream,
        inputs: tuple[str, ...],
        targets: tuple[str, ...],
        augment: Augment | None = None,
        seed: int = 0,
    ) -> None:
        self.split, self.inputs, self.augment, self.seed = split, inputs, augment, seed
        self.targets = _targets(split, targets)
        self.stays = isinstance(split, Rows) and augment is None and not split.lengths

    def __len__(self) -> int:
        return len(self.split)

    def describe(self) -> dict[str, Any]:
        """What the worker must know besides the arrays."""
        affine = {name: given.to_json() for name, given in self.split.affine.items()}
        return {"rows": len(self), "affine": affine}

    def whole(self) -> Arrays:
        """All rows, where they stay with the worker."""
        if not isinstance(self.split, Rows) or not self.stays:
            return {}
        given = {f"inputs/{name}": self.split.inputs[name] for name in self.inputs}
        return given | self._labels(None)

    def batches(
        self, order: Sequence[np.ndarray], start: int, epoch: int
    ) -> Generator[Arrays, None, None]:
        """The batches of `order` from number `start` on."""
        split = self.split
        if isinstance(split, Stream):
            found = iter(split.batches(order[start:], self.augment, epoch, self.seed))
        else:
            found = (self._changed(split.take(index), epoch) for index in order[start:])
        for number, rows in enumerate(found, start):
            cut = rows.cut()
            inputs = {f"inputs/{name}": cut.inputs[name] for name in self.inputs}
            yield inputs | self._labels(order[number])

    def _changed(self, rows: Rows, epoch: int) -> Rows:
        if self.augment is None:
            return rows
        return augment_rows(rows, self.augment, self.seed, epoch)

    def _labels(self, index: np.ndarray | None) -> Arrays:
        at = slice(None) if index is None else index
        found = {f"targets/{name}": self.split.targets[name][at] for name in self.targets}
        weights = self.split.weights
        return found if weights is None else found | {"weights": weights[at]}


def _targets(split: Rows | Stream, targets: tuple[str, ...]) -> tuple[str, ...]:
    missing = [name for name in targets if name not in split.targets]
    if missing:
        raise TrainingError(
            f"The model's output {missing[0]!r} has a loss but no target in the data; targets are "
            f"{', '.join(split.targets)}."
        )
    return targets
