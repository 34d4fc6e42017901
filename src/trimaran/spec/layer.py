"""What every layer is: a frozen value with one rule each for legality, shape, parameters and cost.

Shapes leave out the batch axis and are channels-last; an unknown size is None. The shapes of
parameters are PyTorch's, because `model.safetensors` stores them so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from math import prod
from typing import Any, ClassVar

from trimaran.errors import DescriptionError
from trimaran.spec.initializers import Initializer

Shape = tuple[int | None, ...]


class Illegal(Exception):
    """A broken rule, before the path in the model is known; the trace turns it into an error."""

    def __init__(self, expected: str, got: object, remedy: str) -> None:
        super().__init__(f"expected {expected}, got {got}; {remedy}")


@dataclass(frozen=True)
class Padded:
    """What a layer does with sequences whose rows are padded behind their last step.

    `keeps`: its output is such a sequence again. `takes`: it reads which steps hold data, as its
    last input. `zeros`: it needs zeros in the padding, because it mixes neighbouring steps.
    `apart`: its two sequences may be padded each in its own way; it keeps that of the first.
    """

    keeps: bool = True
    takes: bool = False
    zeros: bool = False
    apart: bool = False


class Tensor(ABC):
    """What layers are called on. The trace knows layers, but layers only this of the trace."""

    @abstractmethod
    def record(self, layer: Layer, tensors: tuple[Any, ...]) -> Any:
        """Note that `layer` is called on these tensors, of which this is the first."""


@dataclass(frozen=True)
class Parameter:
    """One array of a layer.

    `shape` is in PyTorch's layout, `fan` is (fan_in, fan_out). Buffers (running statistics) are
    not trainable; `counts` says whether the literature's parameter counts include the array.
    """

    name: str
    shape: tuple[int, ...]
    initial: Initializer
    fan: tuple[int, int] = (1, 1)
    trainable: bool = True
    dtype: str = "float32"

    @property
    def size(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Base of all layers; subclasses are final and only override the rules below.

    Args:
        name: path of the layer inside its block; by default kind and ordinal ("conv1").
        input_shape: shape of the model's input (without batch), for the first layer of a
            `Sequential`, as in Keras.
    """

    name: str | None = None
    input_shape: Shape | None = None

    KIND: ClassVar[str]
    INPUTS: ClassVar[int | None] = 1
    """How many tensors it takes; None is two or more, given as a list."""
    TAKES: ClassVar[str] = "float32"
    """What its first tensor holds: "float32", or "int32" for numbers that name something."""

    def count_outputs(self) -> int:
        """How many tensors it gives."""
        return 1

    def __call__(self, *inputs: Any) -> Any:
        """Call the layer on symbolic tensors, which record the call."""
        tensors = _tensors(type(self).__name__, inputs)
        return tensors[0].record(self, tensors)

    def check(self, *shapes: Shape) -> None:
        """Legality of the layer on inputs of these shapes; raises `Illegal`."""

    def output(self, *shapes: Shape) -> Shape:
        """Shape of the output for inputs of these shapes."""
        return shapes[0]

    def outputs(self, *shapes: Shape) -> tuple[Shape, ...]:
        """Shapes of all that it gives: its output, and what stands behind it."""
        return (self.output(*shapes),)

    def parameters(self, *shapes: Shape) -> tuple[Parameter, ...]:
        """The layer's arrays for inputs of these shapes, in the order of PyTorch's state dict."""
        return ()

    def over_padding(self) -> Padded | None:
        """What it does with padded sequences; None refuses them."""
        return None

    def kinds(self, count: int) -> tuple[str, ...]:
        """The dtypes of `count` inputs."""
        return (self.TAKES, *["float32"] * (count - 1))

    def flops(self, *shapes: Shape) -> int:
        """Floating-point operations of the forward pass of one row; a multiply-add counts 2."""
        return 0

    def settings(self) -> dict[str, Any]:
        """Every argument but name and input_shape, which belong to the wiring."""
        wiring = {"name", "input_shape"}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in wiring}


def _tensors(layer: str, inputs: tuple[Any, ...]) -> tuple[Tensor, ...]:
    """The tensors of a call, given one by one or as one list."""
    flat = tuple(inputs[0]) if len(inputs) == 1 and isinstance(inputs[0], list | tuple) else inputs
    strange = next((x for x in flat if not isinstance(x, Tensor)), None)
    if strange is not None or not flat:
        raise DescriptionError(
            f"{layer}: expected symbolic tensors, got {type(strange).__name__}; "
            "start from Input(shape) and call layers on it."
        )
    return flat


def require(holds: bool, expected: str, got: object, remedy: str) -> None:
    """Raise `Illegal` unless the rule holds."""
    if not holds:
        raise Illegal(expected, got, remedy)


def whole(value: object) -> bool:
    """Whether the value is a whole number of 1 or more."""
    return isinstance(value, int) and value >= 1


def known(shape: Shape, where: str = "this layer") -> tuple[int, ...]:
    """The shape, every size of which must be known."""
    require(
        all(size is not None for size in shape),
        "sizes that are all known",
        shape,
        f"give the Input a full shape, since {where} needs it",
    )
    return tuple(size for size in shape if size is not None)


def count(shape: Shape) -> int:
    """Number of entries, an unknown size counting one."""
    return prod(1 if size is None else int(size) for size in shape)


def pair(value: Any, rank: int, argument: str) -> tuple[int, ...]:
    """An int, or a sequence of `rank` ints, as a tuple of `rank` ints."""
    items = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(items) != rank or not all(isinstance(item, int) for item in items):
        raise DescriptionError(f"{argument}: expected an int or {rank} ints, got {value!r}.")
    return items
