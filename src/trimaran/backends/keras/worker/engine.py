"""How Keras turns batches into updates: the worker's half of `training.engine.Engine`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from trimaran.backends.keras.wire import Made
from trimaran.backends.keras.worker import health
from trimaran.backends.keras.worker.losses import columns
from trimaran.backends.keras.worker.memory import Held, Tree, fetched, plain
from trimaran.backends.keras.worker.names import check
from trimaran.backends.keras.worker.setup import Setup
from trimaran.tasks.loss import Loss
from trimaran.training.engine import Groups, Sums, Update
from trimaran.training.health import LayerHealth

Entry = tuple[list[tuple[int, int]], list[tuple[Any, int]]]
"""Batches as (number, rows), and their numbers as arrays of which so many rows count."""


class KerasEngine:
    """The moving parts of a run; `_state` is all that a traced step changes."""

    def __init__(
        self, setup: Setup, first: Tree, train: Held, validation: Held | None = None
    ) -> None:
        self.setup, self.train, self.validation = setup, train, validation
        self._state = first
        self._counts = setup.counts
        self._seen = 0
        self._best: Tree = {}
        self._waiting: list[Entry] = []
        self._scored: list[Entry] = []
        self._order: list[np.ndarray] = []

    def begin(self, order: list[np.ndarray]) -> None:
        """Open an epoch: its batches as positions."""
        self._order = order

    def update(
        self, updates: Sequence[Update], batches: Sequence[Tree], watch: bool
    ) -> tuple[LayerHealth, ...]:
        """Make these updates in turn; `batches` are their rows, in order, where they are sent."""
        found: tuple[LayerHealth, ...] = ()
        given = list(batches)
        waiting: list[tuple[Update, Tree]] = []
        for number, update in enumerate(updates):
            own = [self._batch(update, i, given) for i in range(update.batches)]
            if watch and number == 0:
                found = self._watched(update, own)
            elif len(own) > 1:
                self._flush(waiting)
                self._joined(update, own)
            else:
                if waiting and not _alike(waiting[0][1], own[0]):
                    self._flush(waiting)
                waiting.append((update, own[0]))
        self._flush(waiting)
        return found

    def _batch(self, update: Update, i: int, given: list[Tree]) -> Tree:
        """A batch with the seed of its dropout."""
        rows = given.pop(0) if given else {"index": self._order[update.first + i].astype(np.int32)}
        dtype = self.setup.dtype
        masks = {path: mask.astype(dtype) for path, mask in update.masks.items()}
        return {**rows, **({"masks": masks} if masks else {}), "seed": _words(update.seeds[i])}

    def _flush(self, waiting: list[tuple[Update, Tree]]) -> None:
        """Runs updates of one batch each, and forgets them."""
        if not waiting:
            return
        stacked = _stacked([batch | self._numbers(update) for update, batch in waiting])
        resident = self.train.resident
        self._state, rows = self.setup.many(self._state, resident, stacked, len(waiting))
        self._seen += len(waiting)
        batches = [(update.first, _rows(batch)) for update, batch in waiting]
        self._waiting.append((batches, rows))
        waiting.clear()

    def _numbers(self, update: Update) -> Tree:
        """What an update takes besides its rows."""
        dtype, training = self.setup.dtype, self.setup.training
        decay = min(training.ema or 0.0, (1 + update.number) / (10 + update.number))
        numbers = training.optimizer.numbers(update.rate, update.number)
        return {
            "decay": np.array(decay, dtype),
            "numbers": {key: np.array(value, dtype) for key, value in numbers.items()},
        }

    def _joined(self, update: Update, batches: list[Tree]) -> list[float]:
        """One update from several batches; the sizes of its layers' gradients."""
        setup = self.setup
        slopes = self._slopes(batches, update)
        gradients: Tree = {}
        found = []
        for batch in batches:
            placed = setup.place(self.train.resident, batch)
            new, others, row = setup.part(self._state, *placed, slopes)
            self._state = {**self._state, "others": others}
            gradients = {k: gradients[k] + g if gradients else g for k, g in new.items()}
            found.append((np.array([float(value) for value in row]), 1))
        self._state, sizes = setup.apply(self._state, gradients, self._numbers(update))
        self._seen += len(batches)
        numbers = [(update.first + i, _rows(batch)) for i, batch in enumerate(batches)]
        self._waiting.append((numbers, found))
        return [float(size) for size in sizes]

    def _slopes(self, batches: list[Tree], update: Update) -> Tree:
        """weight / denominator of each output over all rows of an update."""
        found = {}
        for name, loss in self.setup.objectives.train.losses.items():
            total = sum(_total(loss, *self._labels(batch, name)) for batch in batches)
            slope = loss.weight / total if total > 0 else 0.0
            found[name] = np.array(slope, self.setup.dtype)
        return found

    def _labels(self, batch: Tree, name: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Targets and sample weights of a batch."""
        if "index" not in batch:
            return batch["targets"][name], batch.get("weights")
        resident, at = self.train.resident, batch["index"]
        weights = resident.get("weights")
        return np.asarray(resident["targets"][name])[at], (
            None if weights is None else np.asarray(weights)[at]
        )

    def _watched(self, update: Update, batches: list[Tree]) -> tuple[LayerHealth, ...]:
        """Makes one update, and measures the layers around it."""
        setup, state = self.setup, self._state
        fetch, layers = setup.runtime.fetch, setup.layers
        placed = setup.place(self.train.resident, batches[0])
        tapped = setup.tap(state["weights"], state["others"], *placed)
        units = health.units(setup.names.model, fetch(tapped))
        before = {name: fetch(state["weights"][name]) for name in layers.values()}
        if len(batches) > 1:
            sizes = self._joined(update, batches)
        else:
            self._flush([(update, batches[0])])
            rows, _ = self._waiting[-1][1][-1]
            measured = len(columns(setup.objectives.train))
            sizes = np.atleast_2d(fetch(rows))[0, measured:].tolist()
        after = {name: fetch(self._state["weights"][name]) for name in layers.values()}
        return tuple(
            LayerHealth(
                path,
                float(size),
                before[name].size,
                health.change(before, after, name),
                units.get(path, {}).get("dead"),
                units.get(path, {}).get("saturated"),
            )
            for (path, name), size in zip(layers.items(), sizes, strict=True)
        )

    def drain(self) -> Sums:
        """What the batches since the last call left behind."""
        waiting, self._waiting = self._waiting, []
        return self._sums(columns(self.setup.objectives.train), waiting)

    def score(self, batch: Tree, number: int) -> None:
        """Score one batch of the validation split with the weights that are to be kept."""
        assert self.validation is not None
        placed = self.setup.place(self.validation.resident, batch)
        found = self.setup.score(self._kept_weights(), self._state["others"], *placed)
        self._scored.append(([(number, _rows(batch))], [(found, 1)]))

    def scored(self) -> Sums:
        """What the batches scored since the last call left behind."""
        scored, self._scored = self._scored, []
        return self._sums(columns(self.setup.objectives.judge), scored)

    def _sums(self, names: list[str], waiting: list[Entry]) -> Sums:
        batches = [batch for found, _ in waiting for batch in found]
        if not batches:
            return Sums((), {})
        fetch = self.setup.runtime.fetch
        arrays = [
            np.atleast_2d(fetch(rows))[:count] for _, entries in waiting for rows, count in entries
        ]
        table = np.concatenate([array[:, : len(names)] for array in arrays])
        values = {name: table[:, i].astype(np.float64) for i, name in enumerate(names)}
        rows = np.array([count for _, count in batches], float)
        values |= {f"{name.rpartition('/')[0]}/rows": rows for name in names}
        return Sums(tuple(number for number, _ in batches), values)

    def _kept_weights(self) -> Tree:
        averages: Tree = self._state["averages"]
        return averages or self._state["weights"]

    def keep(self) -> None:
        """Remember the weights, averaged where they are, as the best ones."""
        arrays = {**self._kept_weights(), **self._state["others"]}
        self._best = {"arrays": self.setup.runtime.fetch(arrays), "counts": self._tracked()}

    def finish(self) -> None:
        """Take the weights to be kept."""
        if self._best:
            self._fill(self._best["arrays"])
            self._counts, self._seen = self._best["counts"], 0
        elif self._state["averages"]:
            weights, averages = self._state["weights"], self._state["averages"]
            self._state = {**self._state, "weights": averages, "averages": weights}

    def _tracked(self) -> dict[str, int]:
        """How many batches each normalization saw."""
        counted = {key: np.array(n) for key, n in self._counts.items()}
        return self.setup.names.counts(counted, self._seen)

    def _fill(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Puts arrays by Keras name in the place of weights and others."""
        put, dtype = self.setup.runtime.put, self.setup.dtype
        for group in ("weights", "others"):
            held = self._state[group]
            new = {name: put(arrays[name].astype(dtype, copy=False)) for name in held}
            self._state = {**self._state, group: new}

    def state(self) -> dict[str, Made]:
        """The groups of a checkpoint."""
        names = self.setup.names
        groups = {"model": self.weights(), "optimizer": self._slots()}
        if self._state["averages"]:
            groups["averages"] = names.to_neutral(self._fetched(self._state["averages"]))
        if self._best:
            groups["best"] = names.to_neutral(self._best["arrays"], self._best["counts"])
        return groups

    def _slots(self) -> Made:
        found: dict[str, Callable[[], np.ndarray]] = {}
        for slot in self.setup.slots:
            arrays = {name: own[slot] for name, own in self._state["slots"].items()}
            neutral = self.setup.names.to_neutral(self._fetched(arrays)).makers
            found |= {f"{slot}/{key}": neutral[key] for key in self.setup.names.trained}
        return Made(found)

    def _fetched(self, tree: Tree) -> Made:
        return fetched(self.setup.runtime, tree)

    def restore(self, groups: Groups) -> None:
        """Fill everything from such groups."""
        names = self.setup.names
        shapes, trained = names.shapes, {key: names.shapes[key] for key in names.trained}
        check(shapes, groups["model"], "model")
        saved = groups.get("optimizer", {})
        slots = {f"{s}/{key}": shape for s in self.setup.slots for key, shape in trained.items()}
        check(slots, saved, "optimizer")
        self._fill(names.to_keras(groups["model"]))
        self._counts, self._seen = names.counts(groups["model"]), 0
        self._state = {**self._state, "slots": self._restored_slots(saved)}
        if self._state["averages"]:
            check(trained, groups.get("averages", {}), "moving average")
            averages = self._put(names.to_keras(groups["averages"]))
            self._state = {**self._state, "averages": averages}
        if "best" in groups:
            check(shapes, groups["best"], "best weights")
            arrays = dict(names.to_keras(groups["best"]))
            self._best = {"arrays": arrays, "counts": names.counts(groups["best"])}

    def _restored_slots(self, saved: Mapping[str, np.ndarray]) -> Tree:
        names = self.setup.names
        slots: Tree = {name: {} for name in names.trained_names}
        for slot in self.setup.slots:
            own = {key: saved[f"{slot}/{key}"] for key in names.trained}
            for name, array in self._put(names.to_keras(own)).items():
                slots[name][slot] = array
        return slots

    def _put(self, arrays: Mapping[str, np.ndarray]) -> Tree:
        dtype, put = self.setup.dtype, self.setup.runtime.put
        return {name: put(values.astype(dtype, copy=False)) for name, values in arrays.items()}

    def weights(self) -> Made:
        """The network's arrays."""
        arrays = self._fetched({**self._state["weights"], **self._state["others"]})
        return self.setup.names.to_neutral(arrays, self._tracked())

    def fingerprint(self) -> dict[str, Any]:
        """Versions under which the bits repeat."""
        return {"keras": keras.__version__, **self.setup.runtime.version()}


def _words(seed: int) -> np.ndarray:
    return np.array([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF], np.uint32)


def _rows(batch: Tree) -> int:
    if "index" in batch:
        return len(batch["index"])
    return len(next(iter(batch["inputs"].values())))


def _alike(one: Tree, other: Tree) -> bool:
    """Whether two batches can be joined in one array."""
    return _rows(one) == _rows(other) and "masks" not in one and "masks" not in other


def _stacked(items: list[Tree]) -> Tree:
    """Trees of equal form as one, with a leading axis."""
    return {
        key: _stacked([item[key] for item in items])
        if isinstance(items[0][key], dict)
        else np.stack([item[key] for item in items])
        for key in items[0]
    }


def _total(loss: Loss, target: np.ndarray, weights: np.ndarray | None) -> float:
    by_row = np.ones(len(target)) if weights is None else weights.astype(np.float64)
    if loss.class_weights is not None:
        one_hot = loss.kind == "categorical_crossentropy"
        classes = target.argmax(-1) if one_hot else plain(target).reshape(len(target)).astype(int)
        by_row = by_row * np.array(loss.class_weights)[classes]
    return float(by_row.sum())
