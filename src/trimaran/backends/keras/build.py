"""A description as a Keras network that answers in NumPy, from its worker process."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimaran.backends.keras.emit import emit
from trimaran.backends.keras.process import Worker, check_installed, hire, prepare
from trimaran.backends.protocol import Forward, Gradients
from trimaran.data.batches import Affine
from trimaran.spec import codec
from trimaran.spec.model import Model
from trimaran.tasks.loss import Objective

Arrays = dict[str, np.ndarray]


@dataclass
class Module:
    """A description with the weights that are trained; the network itself is the worker's.

    file: what the worker is told of the user's own file, where the network comes from there
    """

    framework: str
    model: Model
    weights: Mapping[str, np.ndarray]
    precision: str = "float32"
    file: Mapping[str, Any] | None = None


class KerasNetwork:
    """The instrumented source with weights: every layer's output can be tapped. With `file`, it is
    the network of the user's own file."""

    def __init__(
        self,
        model: Model,
        weights: Mapping[str, np.ndarray],
        worker: Worker,
        file: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.source = emit(model)
        self._worker = worker
        source = dict(file) if file else emit(model, instrumented=True)
        values = {"model": codec.to_json(model), "source": source}
        self._number = worker.call("network", values, weights).values["number"]
        weakref.finalize(self, worker.forget, self._number)

    def forward(
        self,
        inputs: Mapping[str, np.ndarray],
        taps: Sequence[str] = (),
        training: bool = False,
        masks: Mapping[str, np.ndarray] | None = None,
        affine: Mapping[str, Affine] | None = None,
    ) -> Forward:
        """Outputs and tapped values for a channels-last batch. Stored values travel as they are: of
        pictures a quarter of their floats."""
        maps = {name: each.to_json() for name, each in (affine or {}).items()}
        values = {
            "number": self._number, "taps": list(taps), "training": training, "affine": maps,
        }  # fmt: skip
        arrays = marked({"input": inputs, "mask": masks or {}})
        found = grouped(self._worker.call("forward", values, arrays).arrays)
        return Forward(found.get("output", {}), found.get("tap", {}))

    def gradients(
        self,
        inputs: Mapping[str, np.ndarray],
        targets: Mapping[str, np.ndarray],
        losses: Mapping[str, Any],
        taps: Sequence[str] = (),
    ) -> Gradients:
        """Loss and gradients in training mode, without dropout."""
        objective = Objective(dict(losses)).to_json()
        values = {"number": self._number, "taps": list(taps), "objective": objective}
        arrays = marked({"input": inputs, "target": targets})
        answer = self._worker.call("gradients", values, arrays)
        found = grouped(answer.arrays)
        return Gradients(
            answer.values["loss"],
            found.get("own", {}),
            found.get("input", {}),
            found.get("tap", {}),
        )

    def weights(self) -> Arrays:
        """All arrays by their key in `model.safetensors`."""
        return dict(self._worker.call("held", {"number": self._number}).arrays)


class KerasBackend:
    """The backends "tensorflow" and "jax"; see `trimaran.backends.protocol.Backend`.

    Raises:
        RunError: Keras or the framework is not installed.
    """

    def __init__(self, framework: str) -> None:
        check_installed(framework)
        self.name = framework
        prepare(framework)

    def emit(self, model: Model) -> str:
        """The source of the network."""
        return emit(model)

    def build(
        self, model: Model, weights: Mapping[str, np.ndarray], precision: str = "float32"
    ) -> KerasNetwork:
        """A network holding these weights, for looking inside."""
        return KerasNetwork(model, weights, hire(self.name, precision))

    def save_weights(
        self, model: Model, source: str, weights: Mapping[str, np.ndarray], path: str
    ) -> None:
        """Write the weights as Keras's own file, for `build().load_weights(path)` of the source."""
        values = {"model": codec.to_json(model), "source": source, "path": path}
        hire(self.name, "float32").call("save", values, weights)


def module_of(
    backend: KerasBackend,
    model: Model,
    weights: Mapping[str, np.ndarray],
    precision: str = "float32",
) -> Module:
    """The description and weights that a run trains."""
    return Module(backend.name, model, weights, precision)


def arrays(module: Module) -> Arrays:
    """What the module has learned so far, by key in `model.safetensors`."""
    return dict(module.weights)


def backend(name: str) -> KerasBackend:
    """The backend of this room on TensorFlow or on JAX."""
    return KerasBackend(name)


def marked(groups: Mapping[str, Mapping[str, np.ndarray]]) -> Arrays:
    """Groups of arrays as one, under "group:key"."""
    return {f"{group}:{key}": v for group, arrays in groups.items() for key, v in arrays.items()}


def grouped(arrays: Mapping[str, np.ndarray]) -> dict[str, Arrays]:
    """The inverse of `marked`."""
    found: dict[str, Arrays] = {}
    for name, array in arrays.items():
        group, _, key = name.partition(":")
        found.setdefault(group, {})[key] = array
    return found


def ahead(backend: KerasBackend, precision: str, threads: int) -> None:
    """Start the process for these settings, without waiting for it."""
    hire(backend.name, precision, threads)
