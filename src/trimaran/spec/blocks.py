"""Blocks of layers: your own by `build`, chains, and repetitions."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from trimaran.errors import DescriptionError
from trimaran.spec.layer import Layer


@dataclass(frozen=True)
class Composite(Layer):
    """Base of blocks: a frozen dataclass whose `build` calls layers on symbolic tensors.

    While `build` runs, the integer fields carry their names, so that all blocks of equal structure
    become one class in the emitted source.
    """

    INLINE: ClassVar[bool] = False

    def build(self, *inputs: Any) -> Any:
        """Wire the block: symbolic tensors in, symbolic tensors out."""
        raise DescriptionError(f"{type(self).__name__} has no build method; write build(self, x).")


@dataclass(frozen=True)
class Sequential(Composite):
    """Layers one after another; their paths are their positions, as in `torch.nn.Sequential`."""

    layers: Sequence[Layer] = ()

    INLINE: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))

    def build(self, *inputs: Any) -> Any:
        (x,) = inputs
        for layer in self.layers:
            x = layer(x)
        return x


@dataclass(frozen=True)
class Repeat(Composite):
    """`times` copies of a layer or block one after another, each with weights of its own."""

    layer: Layer
    times: int

    INLINE: ClassVar[bool] = True

    def build(self, *inputs: Any) -> Any:
        (x,) = inputs
        for _ in range(self.times):
            x = replace(deepcopy(self.layer), name=None)(x)
        return x
