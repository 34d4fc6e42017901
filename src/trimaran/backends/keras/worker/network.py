"""A network that answers in NumPy: the worker's half of `backends.protocol.Network`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from trimaran.backends.keras.wire import Made
from trimaran.backends.keras.worker.hooks import Around
from trimaran.backends.keras.worker.losses import by_name, measured, on_logits
from trimaran.backends.keras.worker.memory import Tree, fetched, plain
from trimaran.backends.keras.worker.names import named
from trimaran.backends.keras.worker.setup import runtime
from trimaran.backends.keras.worker.source import Source, built
from trimaran.spec.model import Model
from trimaran.tasks.loss import Objective

Arrays = dict[str, np.ndarray]


class KerasNetwork:
    """The source with weights: of an instrumented one every layer's output can be tapped."""

    def __init__(self, model: Model, source: Source, weights: Mapping[str, np.ndarray]) -> None:
        self.model, self.source = model, source
        self.runtime, self.names = runtime(), named(model)
        self.dtype = keras.config.floatx()
        self._counts = self.names.counts(weights)
        put = {
            name: self.runtime.put(v.astype(self.dtype, copy=False))
            for name, v in self.names.to_keras(weights).items()
        }
        trained = set(self.names.trained_names)
        self.weights = {name: v for name, v in put.items() if name in trained}
        self.others = {name: v for name, v in put.items() if name not in trained}
        self.whole = built(model, source)
        self.logits = self.whole.peeled() if model.heads else self.whole
        self._traces: dict[tuple[Any, ...], Any] = {}

    def forward(
        self,
        inputs: Mapping[str, np.ndarray],
        taps: Sequence[str],
        training: bool,
        masks: Mapping[str, np.ndarray],
    ) -> tuple[Arrays, Arrays]:
        """Outputs by name and tapped values by path."""
        listen = frozenset(taps)

        def run(weights: Tree, others: Tree, given: list[Any], seed: Any, kept: Tree) -> Any:
            around = Around(masks=kept, quiet=True, listen=listen)
            found, _ = self.whole.outputs(weights, others, given, seed, around)
            return found, {path: around.heard[path] for path in sorted(around.heard)}

        seed = np.zeros(2, np.uint32) if training else None
        traced = self._traced(("forward", listen, training, bool(masks)), run)
        kept = {path: np.asarray(mask, self.dtype) for path, mask in masks.items()}
        given = (self.weights, self.others, self._inputs(inputs), seed, kept)
        found, heard = self.runtime.fetch(traced(*given))
        return dict(zip(self.whole.ports, found, strict=True)), heard

    def gradients(
        self,
        inputs: Mapping[str, np.ndarray],
        targets: Mapping[str, np.ndarray],
        objective: Objective,
        taps: Sequence[str],
    ) -> tuple[float, Made, Arrays, Arrays]:
        """The loss, and its derivatives by weights (Keras's layout), inputs and tapped values."""
        network = self.logits if on_logits(objective) else self.whole
        key = ("gradients", str(objective), frozenset(taps))
        floats = [i for i, port in enumerate(self.model.inputs) if port.dtype == "float32"]

        def run(weights: Tree, others: Tree, given: list[Any], goals: Tree, shifts: Tree) -> Any:
            def loss(wanted: Tree) -> tuple[Any, Any]:
                shifts = _under("tap", wanted)
                around = Around(quiet=True, shifts=shifts, earlier=self._earlier(shifts))
                found, _ = network.outputs(
                    _under("weight", wanted),
                    others,
                    [wanted.get(f"input/{i}", x) for i, x in enumerate(given)],
                    np.zeros(2, np.uint32),
                    around,
                )
                named_ = by_name(objective, network.ports, found)
                _, sums, totals = measured(objective, named_, goals, None, self.dtype)
                terms = [objective.losses[k].weight * s / totals[k] for k, s in sums.items()]
                return (total := sum(terms[1:], terms[0])), total

            wanted = {f"weight/{name}": w for name, w in weights.items()}
            wanted |= {f"input/{i}": ops.convert_to_tensor(given[i]) for i in floats}
            wanted |= {f"tap/{path}": s for path, s in shifts.items()}
            return self.runtime.gradient(loss, wanted)

        goals = {name: plain(values) for name, values in targets.items()}
        goals = {k: v.astype(self.dtype) if v.dtype.kind == "f" else v for k, v in goals.items()}
        given = self._inputs(inputs)
        shifts = self._zeros(taps, len(given[0]))
        run_ = self._traced(key, run)
        loss, found = run_(self.weights, self.others, given, goals, shifts)
        fetch = self.runtime.fetch
        by_port = {self.model.inputs[i].name: fetch(found[f"input/{i}"]) for i in floats}
        own = fetched(self.runtime, _under("weight", found))
        return float(loss), own, by_port, fetch(_under("tap", found))

    def neutral(self, arrays: Mapping[str, np.ndarray]) -> Made:
        """Gradients of weights under their neutral keys."""
        return self.names.to_neutral(arrays)

    def held(self) -> Made:
        """All arrays by their neutral key, as they lie here."""
        arrays = fetched(self.runtime, {**self.weights, **self.others})
        return self.names.to_neutral(arrays, self._counts)

    def _traced(self, key: tuple[Any, ...], run: Any) -> Any:
        if key not in self._traces:
            self._traces[key] = self.runtime.traced(run)
        return self._traces[key]

    def _inputs(self, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        return [
            np.asarray(inputs[port.name], self.dtype if port.dtype == "float32" else np.int32)
            for port in self.model.inputs
        ]

    def _earlier(self, taps: Iterable[str]) -> dict[str, int]:
        """How often each layer is called before its last time."""
        paths = [leaf.path for leaf in self.model.leaves]
        return {path: paths.count(path) - 1 for path in taps}

    def _zeros(self, taps: Sequence[str], rows: int) -> Arrays:
        shapes = {leaf.path: leaf.out_shape for leaf in self.model.leaves}
        sizes = {path: tuple(n or 1 for n in shapes[path]) for path in taps}
        return {path: np.zeros((rows, *size), self.dtype) for path, size in sizes.items()}


def _under(prefix: str, tree: Mapping[str, Any]) -> dict[str, Any]:
    start = f"{prefix}/"
    return {key.removeprefix(start): v for key, v in tree.items() if key.startswith(start)}
