"""How a Keras worker turns batches into updates: the engine under `training.loop`, this side."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from trimaran.backends.keras.build import Module, grouped, marked
from trimaran.backends.keras.emit import emit
from trimaran.backends.keras.execution import check_possible
from trimaran.backends.keras.feed import Feed
from trimaran.backends.keras.process import Worker, hire
from trimaran.backends.keras.wire import Message
from trimaran.data.augment import Augment
from trimaran.data.batches import Rows, consecutive
from trimaran.data.stream import Stream
from trimaran.errors import TrainingError
from trimaran.spec import codec
from trimaran.tasks.loss import Objective
from trimaran.training import loop
from trimaran.training.checkpoint import Place
from trimaran.training.engine import Groups, Objectives, Sums, Update
from trimaran.training.events import Event
from trimaran.training.execution import Execution
from trimaran.training.health import LayerHealth
from trimaran.training.naming import build
from trimaran.training.settings import Training

Splits = Mapping[str, Rows | Stream]


class KerasEngine:
    """See `training.engine.Engine`. The worker computes; rows that cannot stay with it go along."""

    def __init__(self, worker: Worker, facts: Mapping[str, Any], feeds: Mapping[str, Feed]) -> None:
        self._worker, self._feeds = worker, feeds
        self._number = facts["number"]
        self._fingerprint = facts["fingerprint"]
        self.span = int(facts["span"])
        self.trained = int(facts["trained"])
        self.needs_two_rows = bool(facts["needs_two_rows"])
        self._batches: Generator[dict[str, np.ndarray], None, None] | None = None

    def begin(self, epoch: int, order: Sequence[np.ndarray], start: int) -> None:
        """Open an epoch's batches."""
        self.end()
        feed = self._feeds["train"]
        lengths = np.array([len(index) for index in order], np.int64)
        index = np.concatenate(order) if feed.stays else np.zeros(0, np.int64)
        self._post("begin", {}, {"lengths": lengths, "index": index})
        if not feed.stays:
            self._batches = feed.batches(order, start, epoch)

    def end(self) -> None:
        """Close the epoch's batches."""
        if self._batches is not None:
            self._batches.close()
            self._batches = None

    def update(self, updates: Sequence[Update], watch: bool = False) -> tuple[LayerHealth, ...]:
        """Make these updates in turn; unless their health is asked for, without waiting."""
        sent = [] if self._batches is None else self._next(sum(u.batches for u in updates))
        values = {
            "updates": [_told(update) for update in updates],
            "batches": len(sent),
            "watch": watch,
        }
        arrays = marked({f"batch{i}": batch for i, batch in enumerate(sent)})
        arrays |= marked({"mask": updates[0].masks})
        if not watch:
            self._post("update", values, arrays)
            return ()
        found = self._call("update", values, arrays).values["health"]
        return tuple(LayerHealth(**layer) for layer in found)

    def _next(self, count: int) -> list[dict[str, np.ndarray]]:
        assert self._batches is not None
        return [next(self._batches) for _ in range(count)]

    def drain(self) -> Sums:
        """What the batches since the last call left behind."""
        return _sums(self._call("drain"))

    def score(self, batch_size: int) -> Sums:
        """The validation split, with the averages where there are any."""
        feed = self._feeds.get("validation")
        if feed is None:
            return Sums((), {})
        if feed.stays:
            self._post("score", {"size": batch_size})
        else:
            for number, batch in enumerate(feed.batches(consecutive(len(feed), batch_size), 0, 0)):
                self._post("score", {"batch": number}, marked({"batch": batch}))
        return _sums(self._call("scored"))

    def keep(self) -> None:
        """Remember the weights of now as the best ones."""
        self._post("keep")

    def finish(self) -> None:
        """Take the weights to be kept."""
        self._call("finish")

    def state(self) -> dict[str, dict[str, np.ndarray]]:
        """The groups of a checkpoint."""
        return {"optimizer": {}} | grouped(self._call("state").arrays)

    def restore(self, groups: Groups, count: int) -> None:
        """Fill everything from such groups; the worker is told the count with each update."""
        self._post("restore", {}, marked(groups))

    def weights(self) -> dict[str, np.ndarray]:
        """The network's arrays."""
        return dict(self._call("weights").arrays)

    def fingerprint(self) -> dict[str, Any]:
        """Versions under which the bits repeat."""
        return dict(self._fingerprint)

    def _call(
        self,
        name: str,
        values: Mapping[str, Any] | None = None,
        arrays: Mapping[str, np.ndarray] | None = None,
    ) -> Message:
        return self._worker.call(name, {"number": self._number, **(values or {})}, arrays)

    def _post(
        self,
        name: str,
        values: Mapping[str, Any] | None = None,
        arrays: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self._worker.post(name, {"number": self._number, **(values or {})}, arrays)

    def close(self) -> None:
        """Let the worker forget it."""
        self.end()
        if self._worker.alive():
            self._post("drop")


def _told(update: Update) -> dict[str, Any]:
    return {
        "number": update.number,
        "first": update.first,
        "batches": update.batches,
        "rate": update.rate,
        "seeds": list(update.seeds),
    }


def _sums(message: Message) -> Sums:
    return Sums(tuple(message.values["numbers"]), message.arrays)


@contextlib.contextmanager
def engine(
    module: Module,
    objectives: Objectives,
    splits: Splits,
    training: Training,
    execution: Execution,
) -> Iterator[KerasEngine]:
    """The engine of a description; at the end the module holds what it learned."""
    if "train" not in splits:
        raise TrainingError("The data has no split named 'train'; add one to train on.")
    check_possible(execution)
    precision = "float64" if module.precision == "float64" else "float32"
    worker = hire(module.framework, precision, execution.threads)
    made = _made(worker, module, objectives, splits, training, execution)
    try:
        yield made
        module.weights = made.weights()
    finally:
        made.close()


def _made(
    worker: Worker,
    module: Module,
    objectives: Objectives,
    splits: Splits,
    training: Training,
    execution: Execution,
) -> KerasEngine:
    train = splits["train"]
    own = tuple(train.inputs) if isinstance(train, Rows) else (train.name,)
    inputs, targets = objectives.train.inputs or own, tuple(objectives.train.losses)
    augment = _augment(training)
    feeds = {"train": Feed(train, inputs, targets, augment, training.seed)}
    if splits.get("validation") is not None:
        feeds["validation"] = Feed(splits["validation"], inputs, targets)
    values = {
        "model": codec.to_json(module.model),
        "source": dict(module.file) if module.file else emit(module.model),
        "train": objectives.train.to_json(),
        "judge": objectives.judge.to_json(),
        "training": training.to_json(),
        "precision": execution.precision,
        "inputs": list(inputs),
        "splits": {name: feed.describe() for name, feed in feeds.items()},
    }
    arrays = marked({"weight": module.weights, **{k: feed.whole() for k, feed in feeds.items()}})
    return KerasEngine(worker, worker.call("engine", values, arrays).values, feeds)


def _augment(training: Training) -> Augment | None:
    given = training.augment
    if isinstance(given, Mapping):
        given = build(Augment, given, "setting augment")
    return given if given is not None and given.active else None


def fit(
    module: Module,
    objective: Objective,
    splits: Splits,
    training: Training,
    execution: Execution,
    place: Place | None = None,
) -> Iterator[Event]:
    """Trains the module on splits["train"], yielding what happens; see `training.loop`."""

    def make(
        objectives: Objectives, resolved: Execution
    ) -> contextlib.AbstractContextManager[KerasEngine]:
        return engine(module, objectives, splits, training, resolved)

    yield from loop.fit(make, objective, splits, training, execution, place)
