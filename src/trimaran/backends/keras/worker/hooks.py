"""What the worker changes about single layers: looks inside, given dropout.

A layer's `call` is wrapped on the instance, so the source stays what it is. Wrappers are read while
a step is traced; without an `Around` in force they only pass on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
from keras import ops

Tensor = Any


@dataclass
class Around:
    """What to do around layers during one trace, by their path in the description.

    masks:  the entries that a dropout keeps (1) and drops (0);  quiet: no dropout drops anything
    shifts: added to a layer's output, whose gradient is then that of the shift; with a layer that
        is called again, to its last call: `earlier` counts the calls before it
    heard:  filled with the outputs of the layers listed in `listen`
    peel:   the heads give their logits
    """

    masks: Mapping[str, Tensor] = field(default_factory=dict)
    quiet: bool = False
    shifts: Mapping[str, Tensor] = field(default_factory=dict)
    earlier: dict[str, int] = field(default_factory=dict)
    listen: frozenset[str] = frozenset()
    heard: dict[str, Tensor] = field(default_factory=dict)
    peel: bool = False


class Hooks:
    """The wrappers of one network.

    layers: path in the description → the layer, or Keras's operation, that gives its output
    heads: the paths of the softmaxes and sigmoids at the end
    """

    def __init__(self, layers: Mapping[str, Any], heads: frozenset[str]) -> None:
        self._now: Around | None = None
        self.layers, self._heads = layers, heads
        for path, layer in layers.items():
            if path in heads:
                self._pass(layer)
            self._wrap(path, layer)

    @contextlib.contextmanager
    def around(self, now: Around) -> Iterator[Around]:
        """While entered, `now` is in force."""
        self._now = now
        try:
            yield now
        finally:
            self._now = None

    def _pass(self, head: Any) -> None:
        """Let the logits pass a head that is to be peeled; it may be the activation of a layer."""
        part = "activation" if getattr(head, "activation", None) is not None else "call"
        own = getattr(head, part)

        def call(*inputs: Any, **options: Any) -> Any:
            peel = self._now is not None and self._now.peel
            return inputs[0] if peel else own(*inputs, **options)

        setattr(head, part, call)

    def _wrap(self, name: str, layer: Any) -> None:
        own = layer.call
        dropout = isinstance(layer, keras.layers.Dropout)

        def call(*inputs: Any, **options: Any) -> Any:
            now = self._now
            if now is None:
                return own(*inputs, **options)
            if dropout and (name in now.masks or now.quiet):
                made = _masked(inputs[0], now.masks.get(name), layer.rate)
            else:
                made = own(*inputs, **options)
            if now.earlier.get(name, 0):
                now.earlier[name] -= 1
            elif name in now.shifts and not (now.peel and name in self._heads):
                made = _shifted(made, now.shifts[name])
            if name in now.listen:
                now.heard[name] = made[0] if isinstance(made, list | tuple) else made
            return made

        layer.call = call


def _shifted(made: Any, shift: Tensor) -> Any:
    """The output and its shift; states that stand behind it stay."""
    if isinstance(made, list | tuple):
        return type(made)([made[0] + shift, *made[1:]])
    return made + shift


def _masked(x: Tensor, mask: Tensor | None, rate: float) -> Tensor:
    return x if mask is None else x * ops.cast(mask, x.dtype) / (1 - rate)


def layers_of(network: keras.Model) -> Iterable[keras.layers.Layer]:
    """Every layer of the network, those inside others too."""
    found: list[keras.layers.Layer] = list(network._flatten_layers(include_self=False))
    return found
