"""A network, of the emitted source or the user's own, as a pure function of its arrays."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import ops

from trimaran.backends.keras.worker.blank import undrawn
from trimaran.backends.keras.worker.hooks import Around, Hooks, layers_of
from trimaran.backends.keras.worker.memory import Tree
from trimaran.backends.keras.worker.names import named
from trimaran.emit.loading import load
from trimaran.errors import RunError
from trimaran.spec.model import Model

Tensor = Any
# Spreads the seeds of a network's dropouts; 2**32 over the golden ratio.
_GOLDEN = 0x9E3779B9


@dataclass(frozen=True)
class Built:
    """The network up to its logits (or, without `peel`, up to its outputs).

    network: takes and gives lists in the description's order
    names: of every weight, by its identity: "path/kernel"
    """

    model: Model
    network: keras.Model
    hooks: Hooks
    names: Mapping[int, str]
    peel: bool = False

    @property
    def ports(self) -> tuple[str, ...]:
        """The names of the outputs."""
        return tuple(name for name, _ in self.model.outputs)

    def peeled(self) -> Built:
        """The same layers up to the logits."""
        return replace(self, peel=True)

    def outputs(
        self, weights: Tree, others: Tree, inputs: list[Tensor], seed: Tensor, around: Around
    ) -> tuple[list[Tensor], Tree]:
        """What the network gives, in training mode where a seed is given, and `others` after it."""
        network, held = self.network, {**weights, **others}
        fixed = list(network.non_trainable_variables)
        given = [self._value(i, v, held, seed) for i, v in enumerate(fixed)]
        with self.hooks.around(replace(around, peel=self.peel)):
            found, after = network.stateless_call(
                [held[self.names[id(v)]] for v in network.trainable_variables],
                given,
                inputs[0] if len(inputs) == 1 else inputs,
                training=seed is not None,
            )
        moved = {
            self.names[id(v)]: new
            for v, new in zip(fixed, after, strict=True)
            if id(v) in self.names
        }
        listed = list(found) if isinstance(found, list | tuple) else [found]
        return listed, {name: moved.get(name, value) for name, value in others.items()}

    def _value(self, index: int, variable: keras.Variable, held: Tree, seed: Tensor) -> Tensor:
        if id(variable) in self.names:
            return held[self.names[id(variable)]]
        return _seeded(seed, index, variable)


def emitted(model: Model, source: str) -> Built:
    """The network of a text, whose layers are called by their paths."""
    with undrawn():
        network: keras.Model = load(source).build()
    layers = whole_layers(network)
    names = {id(variable): name for name, variable in variables(network).items()}
    if keras.backend.backend() == "jax":
        importlib.import_module("trimaran.backends.keras.worker.on_jax.layers").quicken(network)
    return Built(model, ordered(model, network), Hooks(layers, heads_of(model)), names)


def whole_layers(network: keras.Model) -> dict[str, keras.layers.Layer]:
    """The layers of an emitted network by their paths, without the parts of recurrent ones."""
    found = [
        layer
        for layer in layers_of(network)
        if layer.name and not isinstance(layer, keras.layers.InputLayer)
    ]
    inner = {id(part) for layer in found for part in _parts(layer)}
    return {layer.name: layer for layer in found if id(layer) not in inner}


def variables(network: keras.Model) -> dict[str, keras.Variable]:
    """The arrays of an emitted network by Keras name ("path/kernel")."""
    return {
        f"{path}/{name}": variable
        for path, layer in whole_layers(network).items()
        for name, variable in own_variables(layer)
        if variable.name != "seed_generator_state"
    }


def assign(network: keras.Model, model: Model, weights: Mapping[str, np.ndarray]) -> None:
    """Put the neutral weights into a network that the emitted source built: all of them."""
    found, held = named(model).to_keras(weights), variables(network)
    if wrong := sorted(set(found) ^ set(held)):
        raise RunError(
            f"The source of {model.name} and its description differ in the array {wrong[0]!r}; "
            "write the source again."
        )
    for name, values in found.items():
        held[name].assign(values)


def _parts(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers that a recurrent one is made of."""
    if isinstance(layer, keras.layers.Bidirectional):
        return [layer.forward_layer, layer.backward_layer]
    return [layer.cell] if isinstance(layer, keras.layers.RNN) else []


def own_variables(layer: keras.layers.Layer) -> list[tuple[str, keras.Variable]]:
    """Those of the layer itself by name; a recurrent layer keeps its in its cell, and those of the
    way back are told by "_reverse"."""
    if isinstance(layer, keras.layers.Bidirectional):
        there, back = (own_variables(part) for part in _parts(layer))
        return [*there, *((f"{name}_reverse", variable) for name, variable in back)]
    held = layer.cell if isinstance(layer, keras.layers.RNN) else layer
    return [(v.name, v) for v in (*held._trainable_variables, *held._non_trainable_variables)]


def ordered(model: Model, network: keras.Model) -> keras.Model:
    """The network with its outputs as a list in the description's order."""
    several = len(model.outputs) > 1
    tensors = [network.output[n] for n, _ in model.outputs] if several else list(network.outputs)
    return keras.Model(network.inputs, tensors)


def heads_of(model: Model) -> frozenset[str]:
    """The paths of the model's heads."""
    values = {dict(model.outputs)[name] for name in model.heads}
    return frozenset(leaf.path for leaf in model.leaves if leaf.output in values)


def _seeded(seed: Tensor, index: int, variable: keras.Variable) -> Tensor:
    """The state of a random generator for this batch."""
    if seed is None:
        return ops.zeros(variable.shape, variable.dtype)
    salt = ops.convert_to_tensor([(index * _GOLDEN) % 2**31, 0], "uint32")
    return ops.cast(ops.bitwise_xor(seed, salt), variable.dtype)
