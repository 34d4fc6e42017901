"""What the parent may ask: networks and engines by number, each answer a message."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from trimaran.backends.keras.wire import Made, Message, Wire
from trimaran.backends.keras.worker.blank import undrawn
from trimaran.backends.keras.worker.built import assign
from trimaran.backends.keras.worker.doubles import keep_doubles
from trimaran.backends.keras.worker.engine import KerasEngine
from trimaran.backends.keras.worker.kinks import settle_kinks
from trimaran.backends.keras.worker.maxima import settle_maxima
from trimaran.backends.keras.worker.memory import Held, Tree, plain
from trimaran.backends.keras.worker.network import KerasNetwork
from trimaran.backends.keras.worker.original.opening import File
from trimaran.backends.keras.worker.setup import Work, first, runtime, set_up
from trimaran.backends.keras.worker.source import Source
from trimaran.backends.keras.worker.sums import settle_sums
from trimaran.data.batches import Affine, consecutive, unpacked
from trimaran.emit.loading import load
from trimaran.errors import RunError
from trimaran.spec import codec
from trimaran.tasks.loss import Objective
from trimaran.training.engine import Objectives, Sums, Update
from trimaran.training.settings import Training

if TYPE_CHECKING:  # what reads the user's models is imported where one is met (see `source`)
    from trimaran.backends.keras.worker.original.foreign import Foreign

DONE = Message({})


class Service:
    """The networks and engines of this process.

    wire: to the parent;  imported: seconds that the import of Keras took
    """

    def __init__(self, wire: Wire, imported: float) -> None:
        self._wire, self._imported, self._ready = wire, imported, time.time()
        self._networks: dict[int, KerasNetwork] = {}
        self._engines: dict[int, KerasEngine] = {}
        self._foreign: dict[int, Foreign] = {}
        self._numbers = 0

    def start(self, message: Message) -> Message:
        """Settle precision and threads."""
        runtime().prepare(message.values["threads"])
        settle_kinks()
        settle_sums()
        settle_maxima()
        if message.values["precision"] == "float64":
            keep_doubles()
        return DONE

    def spent(self, message: Message) -> Message:
        """What being a process of its own took on this side; see `process.Spent`."""
        seconds = {"framework": self._imported, "transport": self._wire.seconds}
        return Message({"ready": self._ready, **seconds})

    def drop(self, message: Message) -> Message:
        """Forget a network, engine or model of the user's."""
        for held in (self._networks, self._engines, self._foreign):
            held.pop(message.values["number"], None)
        gc.collect()  # a network of Keras's refers to itself
        return DONE

    def network(self, message: Message) -> Message:
        """Build a network from a description, its source and its weights."""
        values = message.values
        model = codec.from_json(values["model"])
        made = KerasNetwork(model, _source(values["source"]), message.arrays)
        self._numbers += 1
        self._networks[self._numbers] = made
        return Message({"number": self._numbers})

    def open(self, message: Message) -> Message:
        """Open a model of the user's: its config and its variables."""
        from trimaran.backends.keras.worker.original.foreign import Foreign

        made = Foreign(File(**message.values))
        self._numbers += 1
        self._foreign[self._numbers] = made
        told, arrays = made.parts()
        return Message({"number": self._numbers, **told}, arrays)

    def ask(self, message: Message) -> Message:
        """The outputs of a model of the user's."""
        return self._foreign[message.values["number"]].ask(message.arrays)

    def stand_in(self, message: Message) -> Message:
        """Make the user's model ready to train beside others; the answer names the normalizations
        that were adapted."""
        from trimaran.backends.keras.worker.original.theirs import statistics, theirs

        made = theirs(codec.from_json(message.values["model"]), File(**message.values["source"]))
        return Message({"statistics": statistics(made)})

    def forward(self, message: Message) -> Message:
        """Outputs and taps of a batch."""
        values = message.values
        network = self._networks[values["number"]]
        given = _grouped(message)
        inputs = unpacked(given["input"], _maps(values["affine"]))
        found, heard = network.forward(
            inputs, values["taps"], values["training"], given.get("mask", {})
        )
        return Message({}, _marked({"output": found, "tap": heard}))

    def gradients(self, message: Message) -> Message:
        """The loss of a batch and its derivatives."""
        values = message.values
        network, given = self._networks[values["number"]], _grouped(message)
        objective = Objective.from_json(values["objective"])
        loss, own, inputs, taps = network.gradients(
            given["input"], given["target"], objective, values["taps"]
        )
        found = {"own": network.neutral(own), "input": inputs, "tap": taps}
        return Message({"loss": loss}, _marked(found))

    def save(self, message: Message) -> Message:
        """Write a description's weights as the weights file of the network of its source, and read
        it back."""
        values = message.values
        with undrawn():
            network, other = (load(values["source"]).build() for _ in range(2))
        assign(network, codec.from_json(values["model"]), message.arrays)
        network.save_weights(values["path"])
        other.load_weights(values["path"])
        for mine, read in zip(network.weights, other.weights, strict=True):
            if not np.array_equal(mine, read):
                raise RunError(f"{values['path']} does not give {mine.path} back; try again.")
        return DONE

    def held(self, message: Message) -> Message:
        """A network's weights."""
        return Message({}, self._networks[message.values["number"]].held())

    def engine(self, message: Message) -> Message:
        """Make an engine; the answer tells what the loop asks of it."""
        values, given = message.values, _grouped(message)
        objectives = Objectives(
            Objective.from_json(values["train"]), Objective.from_json(values["judge"])
        )
        work = Work(
            codec.from_json(values["model"]),
            _source(values["source"]),
            given.get("weight", {}),
            objectives,
            Training.from_json(values["training"]),
            values["precision"],
            tuple(values["inputs"]),
        )
        train = _held(values["splits"]["train"], given.get("train", {}))
        judged = values["splits"].get("validation")
        validation = None if judged is None else _held(judged, given.get("validation", {}))
        setup = set_up(work, train, validation)
        self._numbers += 1
        start = first(work, setup.names)
        self._engines[self._numbers] = KerasEngine(setup, start, train, validation)
        return Message(
            {
                "number": self._numbers,
                "span": setup.span,
                "trained": setup.trained,
                "needs_two_rows": setup.needs_two_rows,
                "fingerprint": self._engines[self._numbers].fingerprint(),
            }
        )

    def begin(self, message: Message) -> Message:
        """Open an epoch."""
        ends = np.cumsum(message.arrays["lengths"])
        index = message.arrays["index"]
        order = np.split(index, ends[:-1]) if len(index) else []
        self._engine(message).begin(list(order))
        return DONE

    def update(self, message: Message) -> Message:
        """Make updates."""
        given = _grouped(message)
        updates = [_update(value, given) for value in message.values["updates"]]
        batches = [_batch(given[f"batch{i}"]) for i in range(message.values["batches"])]
        found = self._engine(message).update(updates, batches, message.values["watch"])
        return Message({"health": [asdict(layer) for layer in found]})

    def drain(self, message: Message) -> Message:
        """The sums that wait."""
        return _summed(self._engine(message).drain())

    def score(self, message: Message) -> Message:
        """Score a batch of the validation split that comes along, or all that stay here."""
        engine, given = self._engine(message), _grouped(message)
        if "batch" in given:
            engine.score(_batch(given["batch"]), message.values["batch"])
        else:
            assert engine.validation is not None
            rows = consecutive(engine.validation.length, message.values["size"])
            for number, index in enumerate(rows):
                engine.score({"index": index.astype(np.int32)}, number)
        return DONE

    def scored(self, message: Message) -> Message:
        """The sums of what was scored."""
        return _summed(self._engine(message).scored())

    def keep(self, message: Message) -> Message:
        """Remember the best weights."""
        self._engine(message).keep()
        return DONE

    def finish(self, message: Message) -> Message:
        """Take the weights to be kept."""
        self._engine(message).finish()
        return DONE

    def state(self, message: Message) -> Message:
        """The groups of a checkpoint."""
        return Message({}, _marked(self._engine(message).state()))

    def restore(self, message: Message) -> Message:
        """Fill an engine from such groups."""
        self._engine(message).restore(_grouped(message))
        return DONE

    def weights(self, message: Message) -> Message:
        """An engine's weights."""
        return Message({}, self._engine(message).weights())

    def _engine(self, message: Message) -> KerasEngine:
        return self._engines[message.values["number"]]


def _source(value: str | dict[str, Any]) -> Source:
    return value if isinstance(value, str) else File(**value)


def _held(value: dict[str, Any], arrays: Tree) -> Held:
    """A split on the device, or just its length where its batches are sent."""
    put, dtype = runtime().put, keras.config.floatx()
    resident: Tree = {}
    if arrays:
        groups: Tree = {"inputs": {}, "targets": {}}
        for key, array in arrays.items():
            group, _, name = key.partition("/")
            if group == "weights":
                resident["weights"] = put(array.astype(dtype))
            else:
                groups[group][name] = put(plain(array))
        resident |= groups
    return Held(value["rows"], resident, _maps(value["affine"]))


def _maps(given: Mapping[str, Any]) -> dict[str, Affine]:
    return {name: Affine.from_json(each) for name, each in given.items()}


def _batch(arrays: Tree) -> Tree:
    """The rows of a batch that was sent."""
    found: Tree = {"inputs": {}, "targets": {}}
    for key, array in arrays.items():
        group, _, name = key.partition("/")
        if group == "weights":
            found["weights"] = array.astype(keras.config.floatx())
        else:
            found[group][name] = plain(array)
    return found


def _update(value: dict[str, Any], given: dict[str, Tree]) -> Update:
    masks = given.get("mask", {})
    return Update(
        value["number"], value["first"], value["batches"], value["rate"],
        tuple(value["seeds"]), masks,
    )  # fmt: skip


def _summed(sums: Sums) -> Message:
    return Message({"numbers": list(sums.numbers)}, dict(sums.values))


def _marked(groups: Mapping[str, Mapping[str, np.ndarray]]) -> Made:
    return Made(
        {
            f"{group}:{key}": partial(arrays.__getitem__, key)
            for group, arrays in groups.items()
            for key in arrays
        }
    )


def _grouped(message: Message) -> dict[str, Tree]:
    found: dict[str, Tree] = {}
    for name, array in message.arrays.items():
        group, _, key = name.partition(":")
        found.setdefault(group, {})[key] = array
    return found
