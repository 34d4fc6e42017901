"""How one layer is written in Keras, and where it stands: what the rules of all layers share."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trimaran.backends.keras.helpers import HELPERS
from trimaran.emit.template import Numbers
from trimaran.spec.graph import concrete
from trimaran.spec.layer import Layer, Parameter, Shape
from trimaran.spec.named import plain


@dataclass(frozen=True)
class Code:
    """How a layer is written: its class and its arguments without the name.

    `before` stands in front of it, under the layer's name with ".pad" behind. `listed` says that
    the inputs are given as one list, `masked` that the last says which steps hold data, `stateful`
    that others after the first are an initial state. `masks` are the keywords of several such
    inputs, each with the place of the sequence whose steps it tells.
    """

    kind: str
    arguments: tuple[str, ...]
    before: Code | None = None
    listed: bool = False
    stateful: bool = False
    masked: bool = False
    masks: tuple[tuple[str, int], ...] = ()

    @property
    def told(self) -> tuple[tuple[str, int], ...]:
        """The keywords of the masks, with the places of their sequences."""
        return (("mask", 0),) if self.masked else self.masks

    def call(self, layer: str, count: int) -> str:
        """The call of `layer` on inputs {0}, {1}…"""
        inputs = [f"{{{i}}}" for i in range(count)]
        own = count - len(self.told)
        words = (word for word, _ in self.told)
        masks = "".join(f", {w}={i}" for w, i in zip(words, inputs[own:], strict=True))
        if self.stateful:
            states = inputs[1] if own == 2 else f"[{', '.join(inputs[1:own])}]"
            return f"{layer}({inputs[0]}, initial_state={states}{masks})"
        given = ", ".join(inputs[:own])
        return f"{layer}([{given}])" if self.listed else f"{layer}({given}{masks})"

    def helpers(self) -> set[str]:
        """Names of its own that the source must define."""
        return _called(f"{self.kind}({', '.join(self.arguments)}")

    def text(self, name: str, more: str | None = None) -> str:
        """The constructor call; `more` is one more argument before the name."""
        given = [*self.arguments, *([more] if more else []), f"name={name}"]
        return f"{self.kind}({', '.join(given)})"


def _called(text: str) -> set[str]:
    """The helpers that the text calls or builds on, and those that they need in turn."""
    own = {name for name in HELPERS if re.search(rf"(?<![\w.\"]){name}[()]", text)}
    inner = (_called(HELPERS[name]) for name in own if HELPERS[name] != text)
    return own.union(*inner)


@dataclass(frozen=True)
class Site:
    """Where a layer stands: the shapes of its inputs and of its output (numbers with their
    expressions), and the numbers of the block that it is written into."""

    shapes: tuple[Shape, ...]
    made: Shape
    numbers: Numbers

    def parameters(self, layer: Layer) -> dict[str, Parameter]:
        """The layer's arrays here, by name, with plain numbers."""
        return {p.name: p for p in concrete(layer).parameters(*map(plain, self.shapes))}


def made(
    kind: str,
    *arguments: str | None,
    before: Code | None = None,
    listed: bool = False,
    stateful: bool = False,
    masked: bool = False,
) -> Code:
    """A layer of Keras with those arguments that are not None."""
    given = tuple(argument for argument in arguments if argument)
    return Code(f"layers.{kind}", given, before, listed, stateful, masked)


MASK = Code("StepMask", ())
"""Makes the mask of a sequence and what says which of its steps hold data."""
