"""The user's own network, made ready to stand where the emitted one does.

Its layers and its code run as they are, in the precision of the process. Hooks and weights reach it
by the paths of its description, from the same table that brought its weights in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import keras

from trimaran.backends.keras.from_keras import described
from trimaran.backends.keras.reading.blocks import Origins
from trimaran.backends.keras.reading.given import Path, called, live, parts
from trimaran.backends.keras.reading.nodes import name_of, wiring
from trimaran.backends.keras.reading.sequences import own_arrays
from trimaran.backends.keras.reading.weights import by_name
from trimaran.backends.keras.weights import pairs
from trimaran.backends.keras.worker.built import Built, heads_of
from trimaran.backends.keras.worker.hooks import Hooks
from trimaran.backends.keras.worker.original.opening import File, opened
from trimaran.backends.keras.worker.original.policy import own_precision
from trimaran.errors import ConversionError
from trimaran.spec.layers import MultiHeadAttention
from trimaran.spec.model import Model


def theirs(model: Model, file: File) -> Built:
    """The network of the user's file, of which `model` is the description.

    Raises:
        ConversionError: it cannot stand in; the text says why.
    """
    found = _ready(file)
    if _outline(found.model) != _outline(model):
        raise ConversionError(
            f"{file.path}: it makes another model each time that it runs, so the original cannot "
            "be trained beside the others; give its layers names, and make it without chance."
        )
    return replace(found, model=model)


def statistics(built: Built) -> list[str]:
    """The paths of Keras's own batch normalizations, whose variance was made the unbiased one."""
    return [path for path, layer in built.hooks.layers.items() if _biased(layer)]


@cache
def _ready(file: File) -> Built:
    """Made once in a process: the user's code may take long, or write files."""
    with own_precision():
        network = opened(file)
    config, origins = live(network).config, Origins()
    _check_scopes(network)
    model = described(config, origins)
    _check_arrays(model)
    network.trainable = True  # as on every other side: what is frozen is the recipe's to say
    own = dict(parts(network))
    owners = _owners(model, origins)
    _check_heads(model, owners, origins)
    layers = {path: own[keras_path] for keras_path, path in owners.items()}
    for layer in filter(_biased, layers.values()):
        _unbias(layer)
    hooks = Hooks(layers, heads_of(model))
    return Built(model, _listed(network, config, model), hooks, _names(model, own, origins))


def _outline(model: Model) -> Any:
    return [(leaf.path, leaf.out_shape) for leaf in model.leaves]


def _check_scopes(network: Any) -> None:
    """Raises for a name that TensorFlow refuses as that of a part of a graph."""
    if keras.backend.backend() != "tensorflow":
        return
    names = [network.name, *(name for path, _ in parts(network) for name in path)]
    wrong = [name for name in names if not re.fullmatch(r"[\w.][\w.\\/>-]*", name, re.A)]
    if wrong:
        raise ConversionError(
            f"TensorFlow's graphs take no layer that is called {wrong[0]!r}, so the original "
            "cannot be trained beside the others; name it with letters, digits and _."
        )


def _owners(model: Model, origins: Origins) -> dict[Path, str]:
    """Keras path → that of the last layer of the description that it became: the path of its
    output. Of a layer that is called again, it is that of the last call, which hooks hear too."""
    owner: Path = ()
    found: dict[Path, str] = {}
    for leaf in model.leaves:
        # The activation of a layer follows it, and has no origin of its own.
        owner = origins[leaf.path][0] if leaf.path in origins else owner
        found[owner] = leaf.path
    return found


def _check_arrays(model: Model) -> None:
    """Raises where Keras keeps in several variables what is one array on every other side."""
    for leaf in model.leaves:
        if isinstance(leaf.layer, MultiHeadAttention):
            raise ConversionError(
                f"Layer {leaf.path!r} keeps queries, keys and values in arrays of their own, so "
                "that the original cannot be trained beside the others."
            )


def _check_heads(model: Model, owners: Mapping[Path, str], origins: Origins) -> None:
    """Raises where the layer of a head is called elsewhere too."""
    called = [origins[leaf.path] for leaf in model.leaves if leaf.path in origins]
    again = {path for path, ending in called if called.count((path, ending)) > 1}
    alone = {path for keras_path, path in owners.items() if keras_path not in again}
    for path in sorted(heads_of(model) - alone):
        raise ConversionError(
            f"The activation {path!r} ends the model, but its layer is called elsewhere too, so "
            "the original cannot give the logits that training needs; make it a layer of its own."
        )


def _names(model: Model, own: Mapping[Path, Any], origins: Origins) -> dict[int, str]:
    """The names of the emitted source for the user's variables, by their identity."""
    held = {path: own_arrays(layer) for path, layer in own.items()}
    found = by_name(pairs(model), held, origins)
    return {id(variable): name for name, variable in found.items()}


def _listed(network: Any, config: Mapping[str, Any], model: Model) -> keras.Model:
    """The network with its inputs and outputs as lists in the description's order. It is called
    as a whole, so that a `call` of the user's own counts."""
    names = [name_of(entry) for entry, _ in wiring(config).inputs]
    kinds = ["int32" if port.dtype == "int32" else None for port in model.inputs]
    inputs = [keras.Input(p.shape, dtype=k) for p, k in zip(model.inputs, kinds, strict=True)]
    return keras.Model(inputs, called(network, config, dict(zip(names, inputs, strict=True))))


def _biased(layer: Any) -> bool:
    return type(layer) is keras.layers.BatchNormalization


def _unbias(layer: Any) -> None:
    """The running variance as PyTorch's and as our own layer's: that of n rows times n/(n-1)."""
    own = layer.call

    def call(inputs: Any, training: Any = None, mask: Any = None) -> Any:
        before = layer.momentum * layer.moving_variance
        outputs = own(inputs, training=training, mask=mask)
        if training and layer.trainable:
            after = layer.moving_variance
            rows = keras.ops.cast(keras.ops.size(inputs) // inputs.shape[-1], after.dtype)
            after.assign(after + (after - before) / (rows - 1))
        return outputs

    layer.call = call
