"""A network of the reference: the description walked forwards, and backwards by the chain rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from trimaran.backends.protocol import Forward, Gradients
from trimaran.backends.reference import losses as loss_functions
from trimaran.backends.reference.arrays import Array
from trimaran.backends.reference.layers import backward, forward
from trimaran.backends.reference.normalization import updated_statistics
from trimaran.data.batches import Affine, unpacked
from trimaran.errors import TrainingError
from trimaran.spec import Leaf, Model, Shape
from trimaran.spec.dropping import dropping
from trimaran.spec.layer import known
from trimaran.spec.layers import BatchNormalization, Dense
from trimaran.spec.layout import layouts
from trimaran.tasks.loss import Loss


@dataclass(frozen=True)
class Trace:
    """A forward pass: every value of the model, and each leaf's cache."""

    values: list[Array]
    caches: list[Any]


@dataclass(frozen=True)
class ReferenceNetwork:
    """A model with weights; `arrays` are float64 in PyTorch's names and layouts.

    A path that is called several times is tapped at its last call.
    """

    model: Model
    arrays: Mapping[str, Array]
    source: str

    def forward(
        self,
        inputs: Mapping[str, Array],
        taps: Sequence[str] = (),
        training: bool = False,
        masks: Mapping[str, Array] | None = None,
        affine: Mapping[str, Affine] | None = None,
    ) -> Forward:
        """See `Network.forward`."""
        trace = self.trace(unpacked(inputs, affine), training, masks or {})
        outputs = {name: trace.values[value] for name, value in self.model.outputs}
        return Forward(outputs, {path: trace.values[self._value(path)] for path in taps})

    def gradients(
        self,
        inputs: Mapping[str, Array],
        targets: Mapping[str, Array],
        losses: Mapping[str, Loss],
        taps: Sequence[str] = (),
        weights: Array | None = None,
    ) -> Gradients:
        """See `Network.gradients`; `weights` are sample weights of shape (batch,).

        A tap gives δ = ∂L/∂(the leaf's output). A softmax or sigmoid head that its loss takes off
        has none, since the chain starts at the logits, and is left out.
        """
        trace = self.trace(inputs, training=True)
        value, deltas = self._start(trace, targets, losses, weights)
        parameters = self._propagate(trace, deltas)
        zero = [np.zeros_like(array) for array in trace.values]
        found = [deltas.get(i, zero[i]) for i in range(len(zero))]
        gone = {dict(self.model.outputs)[name] for name in self._peeled(losses)}
        read = {path: self._value(path) for path in taps}
        return Gradients(
            value,
            parameters,
            {
                port.name: delta
                for port, delta in zip(self.model.inputs, found, strict=False)
                if port.dtype == "float32"
            },
            {path: found[value] for path, value in read.items() if value not in gone},
        )

    def weights(self) -> dict[str, Array]:
        """All arrays by their key in `model.safetensors`."""
        return dict(self.arrays)

    def statistics(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Every batch normalization's buffers as a training step on this batch leaves them."""
        found = dict(self.arrays)
        for leaf, cache in zip(self.model.leaves, self.trace(inputs, True).caches, strict=True):
            if isinstance(leaf.layer, BatchNormalization):
                new = updated_statistics(leaf.layer, self._own(leaf, found), cache)
                found |= {f"{leaf.path}.{name}": array for name, array in new.items()}
        fixed = [key for key, p in self.model.parameters.items() if not p.trainable]
        return {key: found[key] for key in fixed}

    def trace(
        self,
        inputs: Mapping[str, Array],
        training: bool,
        masks: Mapping[str, Array] | None = None,
    ) -> Trace:
        """Every value and cache of a forward pass; dropout is applied where `masks` say how."""
        kept = masks or {}
        values: list[Array] = [
            np.asarray(inputs[p.name], np.float64 if p.dtype == "float32" else np.int64)
            for p in self.model.inputs
        ]
        caches = []
        for leaf in self.model.leaves:
            given = tuple(values[i] for i in leaf.inputs)
            own, dropped = self._parameters(leaf), dropping(leaf)[0]
            if dropped in kept:
                own |= {"mask": np.asarray(kept[dropped], np.float64)}
            value, cache = forward(leaf.layer, own, given, training)
            values += value if leaf.behind else [value]
            caches.append(cache)
        return Trace(values, caches)

    def _start(
        self,
        trace: Trace,
        targets: Mapping[str, Array],
        losses: Mapping[str, Loss],
        weights: Array | None,
    ) -> tuple[float, dict[int, Array]]:
        """The loss, and ∂L/∂value where the loss reads it: at the logits of a peeled head."""
        total, peeled = 0.0, self._peeled(losses)
        deltas: dict[int, Array] = {}
        for name, value in self.model.outputs:
            if name in losses:
                read = peeled.get(name, value)
                logits = name in peeled or losses[name].from_logits
                loss, delta = loss_functions.evaluate(
                    losses[name], trace.values[read], targets[name], logits, weights
                )
                total += loss
                deltas[read] = deltas[read] + delta if read in deltas else delta
        return total, deltas

    def _peeled(self, losses: Mapping[str, Loss]) -> dict[str, int]:
        """Output name → the value of its logits, where the loss takes the head off."""
        by_value = {leaf.output: leaf for leaf in self.model.leaves}
        return {
            name: by_value[value].inputs[0]
            for name, value in self.model.outputs
            if name in losses and loss_functions.matches(losses[name], self.model.heads.get(name))
        }

    def _propagate(self, trace: Trace, deltas: dict[int, Array]) -> dict[str, Array]:
        """The chain rule, last leaf first: adds to `deltas`, and gives ∂L/∂parameters.

        A value that several leaves read gets the sum of what they send back, and so does a
        parameter that is used several times.
        """
        trainable = {key: p for key, p in self.model.parameters.items() if p.trainable}
        found = {key: np.zeros(p.shape) for key, p in trainable.items()}
        for leaf, cache in zip(reversed(self.model.leaves), reversed(trace.caches), strict=True):
            given = range(leaf.output, leaf.output + 1 + len(leaf.behind))
            if not any(value in deltas for value in given):
                continue
            own = self._parameters(leaf)
            reached = tuple(deltas.get(v, np.zeros_like(trace.values[v])) for v in given)
            delta = reached if leaf.behind else reached[0]
            sent, gradients = backward(leaf.layer, own, cache, delta)
            for value, back in zip(leaf.inputs, sent, strict=True):
                deltas[value] = deltas[value] + back if value in deltas else back
            for name, gradient in self._stored(leaf, gradients).items():
                found[f"{leaf.path}.{name}"] = found[f"{leaf.path}.{name}"] + gradient
        return found

    def _parameters(self, leaf: Leaf) -> dict[str, Array]:
        """The leaf's arrays, a Dense's columns in the order of the value that it reads."""
        own, shape = self._own(leaf, self.arrays), self._flat(leaf)
        return {**own, "weight": columns_last(own["weight"], shape)} if shape else own

    def _stored(self, leaf: Leaf, gradients: dict[str, Array]) -> dict[str, Array]:
        """The inverse of `_parameters`, for gradients."""
        shape = self._flat(leaf)
        if not shape:
            return gradients
        return {**gradients, "weight": columns_first(gradients["weight"], shape)}

    def _own(self, leaf: Leaf, arrays: Mapping[str, Array]) -> dict[str, Array]:
        names = [parameter.name for parameter in leaf.layer.parameters(*leaf.in_shapes)]
        return {name: arrays[f"{leaf.path}.{name}"] for name in names}

    def _flat(self, leaf: Leaf) -> Shape | None:
        return self._flattened.get(leaf.inputs[0]) if isinstance(leaf.layer, Dense) else None

    @cached_property
    def _flattened(self) -> dict[int, Shape]:
        return layouts(self.model).flat

    def _value(self, path: str) -> int:
        found = [leaf.output for leaf in self.model.leaves if leaf.path == path]
        if not found:
            raise TrainingError(
                f"{path!r} is not a layer of {self.model.name}; use one of "
                f"{', '.join(dict.fromkeys(leaf.path for leaf in self.model.leaves))}."
            )
        return found[-1]


def columns_last(weight: Array, shape: Shape) -> Array:
    """A Dense weight (units, C·H·W) as (units, H·W·C), for a flattened map of shape (H, W, C)."""
    *spatial, channels = known(shape)
    maps = weight.reshape(weight.shape[0], channels, *spatial)
    return np.moveaxis(maps, 1, -1).reshape(weight.shape)


def columns_first(weight: Array, shape: Shape) -> Array:
    """The inverse of `columns_last`."""
    maps = weight.reshape(weight.shape[0], *known(shape))
    return np.moveaxis(maps, -1, 1).reshape(weight.shape)
