"""What a graph of Keras's is made from: a task's network with its weights, rows and losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from trimaran.backends.keras.emit import emit
from trimaran.backends.keras.worker.built import assign, ordered
from trimaran.backends.keras.worker.hooks import layers_of
from trimaran.backends.keras.worker.losses import by_name, measured, on_logits
from trimaran.backends.keras.worker.memory import plain
from trimaran.emit.loading import load
from trimaran.spec.model import Model
from trimaran.tasks.loss import Objective
from trimaran.training.probe import Task

Tensor = Any


@dataclass(frozen=True)
class Subject:
    """The emitted source's network: `whole` answers, `scored` is what the losses stand on (the same
    layers, up to the logits where there are any). Inputs are in the network's order."""

    model: Model
    whole: keras.Model
    scored: keras.Model
    objective: Objective
    inputs: list[np.ndarray]
    targets: dict[str, np.ndarray]
    rate: float

    def loss(self, found: Any, targets: Any) -> Tensor:
        """The objective of `scored`'s outputs."""
        listed = list(found) if isinstance(found, list | tuple) else [found]
        outputs = by_name(self.objective, [name for name, _ in self.model.outputs], listed)
        _, sums, totals = measured(self.objective, outputs, targets, None, "float32")
        losses = self.objective.losses
        terms = [losses[name].weight * s / totals[name] for name, s in sums.items()]
        return sum(terms[1:], terms[0])

    def fetch(self, found: Any) -> dict[str, np.ndarray]:
        """`whole`'s outputs as NumPy arrays, by name."""
        listed = list(found) if isinstance(found, list | tuple) else [found]
        names = [name for name, _ in self.model.outputs]
        return dict(zip(names, map(np.array, listed), strict=True))


def subject(task: Task) -> Subject:
    """The network of a task, holding its weights."""
    network: keras.Model = load(emit(task.model)).build()
    assign(network, task.model, task.weights)
    whole = ordered(task.model, network)
    peel = on_logits(task.objective) and bool(task.model.heads)
    return Subject(
        task.model,
        whole,
        peeled(task.model, whole) if peel else whole,
        task.objective,
        [np.asarray(task.inputs[port.name], np.float32) for port in task.model.inputs],
        {name: plain(values) for name, values in task.targets.items()},
        task.rate,
    )


def peeled(model: Model, network: keras.Model) -> keras.Model:
    """An ordered network below its heads."""
    heads = {dict(model.outputs)[name] for name in model.heads}
    paths = {leaf.output: leaf.path for leaf in model.leaves if leaf.output in heads}
    layers = {layer.name: layer for layer in layers_of(network)}
    tensors = [
        layers[paths[value]].input if value in paths else tensor
        for (_, value), tensor in zip(model.outputs, network.outputs, strict=True)
    ]
    return keras.Model(network.inputs, tensors)
