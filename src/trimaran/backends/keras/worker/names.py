"""The arrays of a run by Keras name and by neutral key, and the way between the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from trimaran.backends.keras.weights import UNKNOWN, Pair, from_keras, pairs, silent, to_keras
from trimaran.backends.keras.wire import Made
from trimaran.errors import RunError, TrainingError
from trimaran.spec.layers import BatchNormalization
from trimaran.spec.model import Model
from trimaran.training.freezing import matches, unknown_pattern

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Names:
    """Neutral keys of what is trained, and the way of every array to Keras.

    still: paths of batch normalizations whose weights are frozen: as in Keras, they keep their
    statistics too
    """

    model: Model
    table: Mapping[str, Pair]
    trained: tuple[str, ...]
    still: tuple[str, ...]
    shapes: Mapping[str, tuple[int, ...]]

    @property
    def trained_names(self) -> tuple[str, ...]:
        """The Keras names of what is trained."""
        return tuple(dict.fromkeys(self.table[key].name for key in self.trained))

    @property
    def stacked(self) -> frozenset[str]:
        """The Keras names of arrays whose rows are several of ours."""
        return frozenset(pair.name for pair in self.table.values() if pair.row is not None)

    def to_keras(self, neutral: Mapping[str, np.ndarray]) -> Made:
        """Arrays by Keras name; counts of batches have none."""
        return to_keras(self.table, neutral)

    def to_neutral(
        self, arrays: Mapping[str, np.ndarray], counts: Mapping[str, int] | None = None
    ) -> Made:
        """Arrays by neutral key; with `counts` all of them: what normalizations counted stands
        beside them, and biases that are always 0."""
        found = from_keras(self.table, arrays).makers
        if counts is not None:
            found |= {key: partial(np.array, n, np.int64) for key, n in counts.items()}
            dtype = next(iter(arrays.values())).dtype
            found |= {
                key: partial(np.zeros, shape, dtype) for key, shape in silent(self.model).items()
            }
        return Made({key: found[key] for key in self.shapes if key in found})

    def counts(self, neutral: Mapping[str, np.ndarray], more: int = 0) -> dict[str, int]:
        """How many batches each normalization saw, and `more` where it is not still."""
        return {
            key: int(count) + (0 if key.rpartition(".")[0] in self.still else more)
            for key, count in neutral.items()
            if key.endswith(UNKNOWN)
        }


def named(model: Model, freeze: tuple[str, ...] = ()) -> Names:
    """The names of a model's weights, and which of them are trained.

    Raises `TrainingError` for a pattern that matches nothing, or half of an array of Keras's.
    """
    trainable = [key for key, parameter in model.parameters.items() if parameter.trainable]
    for pattern in freeze:
        if not any(matches(key, pattern) for key in (*trainable, *silent(model))):
            raise unknown_pattern(pattern, trainable)
    trained = tuple(k for k in trainable if not any(matches(k, pattern) for pattern in freeze))
    shapes = {key: tuple(p.shape) for key, p in model.parameters.items()}
    table = pairs(model)
    _refuse_halves(table, trained, trainable)
    return Names(model, table, trained, _still(model, trained, trainable), shapes)


def _refuse_halves(
    table: Mapping[str, Pair], trained: tuple[str, ...], trainable: list[str]
) -> None:
    """The two biases of a GRU are one array in Keras, which is trained or is not."""
    moving = {table[key].name for key in trained}
    for key in set(trainable) - set(trained):
        if table[key].name in moving:
            path = key.rpartition(".")[0]
            raise TrainingError(
                f"freeze holds {key}, but not the other bias of {path}, and in Keras both are one "
                f"array; freeze both, with {path}.bias_*, or neither."
            )


def _still(model: Model, trained: tuple[str, ...], trainable: list[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for leaf in model.leaves:
        own = [key for key in trainable if key.rpartition(".")[0] == leaf.path]
        if isinstance(leaf.layer, BatchNormalization) and own and not set(own) & set(trained):
            found[leaf.path] = None
    return tuple(found)


def check(
    wanted: Mapping[str, tuple[int, ...]], given: Mapping[str, np.ndarray], what: str
) -> None:
    """Raises `RunError` where names or shapes disagree."""
    wrong = sorted(set(wanted) ^ set(given))
    wrong += [k for k in wanted if k in given and tuple(wanted[k]) != given[k].shape]
    if wrong:
        raise RunError(
            f"The checkpoint's {what} is that of another network or optimizer: {wrong[0]!r} "
            f"does not match. Resume with the recipe that the run was started with."
        )
