"""Attention over sequences (time, features), and what tells their steps apart: positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from trimaran.spec.initializers import Initializer, Orthogonal, VarianceScaling, initializer
from trimaran.spec.layer import Layer, Padded, Parameter, Shape, count, known, require, whole
from trimaran.spec.layers.steps import STEPS, check_steps


def sequence(shape: Shape, beside: bool = False) -> None:
    """Hold that the shape is one of a sequence with known features, or where `beside` is set one
    of several sequences beside each other (rows, time, features)."""
    fits = len(shape) in (2, 2 + beside)
    require(fits, "a sequence (time, features)", shape, "use Embedding or Reshape")
    require(shape[-1] is not None, "a known number of features", shape, "fix the last axis")


@dataclass(frozen=True)
class MultiHeadAttention(Layer):
    """softmax(Q Kᵀ / √key_dim) V in `num_heads` heads side by side (Vaswani et al. 2017, eq. 1).

    `layer(x)` attends to its own sequence, `layer(x, memory)` to another one: queries are made of
    x, keys and values of memory. Shapes: (time, features), (other time, features) → (time,
    features). Sequences beside each other, (rows, time, features), attend each to itself.
    `key_dim` is the size of a head; by default the heads share the features. With
    `use_causal_mask` step t sees the steps up to t. With `rotary` queries and keys are turned by
    their positions (Su et al. 2021, eq. 34, with feature i paired with i + key_dim / 2).

    Parameters, in the names and layouts of `torch.nn.MultiheadAttention`, with W = num_heads ·
    key_dim: in_proj_weight (3·W, features), the rows of queries, keys and values; in_proj_bias
    (3·W,); out_proj.weight (features, W); out_proj.bias (features,). Without `rotary` a key's bias
    adds the same to all scores of a query, which softmax takes away: it is not computed, and its
    gradient is 0 to the bit.

    `dropout` is the probability with which a single weight of the softmax is left out in training,
    the rest scaled by 1 / (1 - dropout). It takes PyTorch off its fast path on a CPU; behind the
    layer, where a Transformer's block has its own, it does not.

    `masked` and `memory_masked`: rows of x, or of memory, are padded behind their last step, and
    the last inputs say which steps hold data (see `spec.layers.steps`), those of x before those of
    memory. A padded key gets no weight; outputs in the padding of x are 0. `layer(x)` attends to
    x, so that there `masked` says both.

    `cached` is the form that goes on a step at a time (see `spec.stepping`): (x, keys, values,
    at) → (output, keys, values, at + 1) with x (1, features), keys and values (room, W), of which
    the first `at` are filled, and `at` (1,). Where all are, the step takes the place of the oldest,
    so that each sees the last `room` steps (Beltagy et al. 2020, sliding window).
    """

    num_heads: int
    key_dim: int | None = None
    use_bias: bool = True
    use_causal_mask: bool = False
    rotary: bool = False
    dropout: float = 0.0
    cached: bool = False
    masked: bool = False
    memory_masked: bool = False
    kernel_initializer: str | Initializer = "glorot_uniform"
    bias_initializer: str | Initializer = "zeros"

    KIND: ClassVar[str] = "attention"
    INPUTS: ClassVar[int | None] = None

    def __call__(self, *inputs: Any) -> Any:
        """Call the layer on one sequence, or on two; `layer(x, x)`, as Keras has it, is the
        first."""
        itself = len(inputs) == 2 and inputs[0] is inputs[1]
        return super().__call__(*(inputs[:1] if itself else inputs))

    def count_outputs(self) -> int:
        return 4 if self.cached else 1

    @property
    def told(self) -> tuple[int, ...]:
        """Whose steps the last inputs tell: 0 those of x, 1 those of memory."""
        return (0,) * self.masked + (1,) * self.memory_masked

    def over_padding(self) -> Padded | None:
        return Padded(takes=True, apart=True)

    def kinds(self, count: int) -> tuple[str, ...]:
        return (*super().kinds(count - len(self.told)), *[STEPS] * len(self.told))

    def check(self, *shapes: Shape) -> None:
        require(whole(self.num_heads), "num_heads of 1 or more", self.num_heads, "give a number")
        sequence(shapes[0], beside=len(shapes) == 1 and not self.rotary)
        features = known(shapes[0][-1:])[0]
        if self.key_dim is None:
            told = f"features that {self.num_heads} heads divide"
            require(features % self.num_heads == 0, told, features, "give key_dim")
        else:
            require(whole(self.key_dim), "key_dim of 1 or more", self.key_dim, "or leave it out")
        size = self.width(shapes[0]) // self.num_heads
        require(0 <= self.dropout < 1, "dropout in [0, 1)", self.dropout, "give the share to drop")
        told = "no dropout of weights where sequences stand beside each other"
        require(not self.dropout or len(shapes[0]) == 2, told, self.dropout, "use a Dropout layer")
        told = "an even key_dim, whose halves are turned together"
        require(not self.rotary or size % 2 == 0, told, size, "change it, or leave rotary out")
        self._check_initial(features, self.width(shapes[0]))
        self._check_cached(shapes) if self.cached else self._check_memory(shapes)

    def _check_initial(self, features: int, width: int) -> None:
        """The four matrices are drawn alike, so their distribution must not ask which is which."""
        given = initializer(self.kernel_initializer)
        told = "an initializer that draws each entry by itself"
        require(not isinstance(given, Orthogonal), told, "orthogonal", "use glorot_uniform")
        one_fan = isinstance(given, VarianceScaling) and given.mode != "fan_avg"
        told = "an initializer that is scaled by fan_avg, since key_dim makes in and out differ"
        require(not one_fan or features == width, told, given, "use glorot_uniform")

    def _check_memory(self, shapes: tuple[Shape, ...]) -> None:
        own = len(shapes) - len(self.told)
        shapes, steps = shapes[:own], shapes[own:]
        told = "one sequence, or a sequence and what it attends to"
        fits = self.memory_masked < len(shapes) <= 2
        require(fits, told, f"{len(shapes)} tensors", "keys and values are one tensor")
        for place, given in zip(self.told, steps, strict=True):
            check_steps((shapes[place], given), 1, masked=True)
        if len(shapes) == 1:
            return
        sequence(shapes[1])
        told = f"{shapes[0][-1]} features in what it attends to"
        require(shapes[1][-1] == shapes[0][-1], told, shapes[1][-1], "use a Dense before it")
        told = "one sequence, whose positions are its own"
        require(not self.rotary, told, "two with rotary", "leave rotary out")

    def _check_cached(self, shapes: tuple[Shape, ...]) -> None:
        require(not self.told, "a step of unpadded rows", "steps", "generate without padding")
        told = "a step, keys, values and a position"
        require(len(shapes) == 4, told, f"{len(shapes)} tensors", "use spec.stepping.stepwise")
        room, width = shapes[1][0], self.width(shapes[0])
        wanted = ((1, shapes[0][-1]), (room, width), (room, width), (1,))
        require(shapes == wanted, f"{wanted}", shapes, "use spec.stepping.stepwise")

    def kept(self, shape: Shape) -> dict[str, Shape]:
        """What goes on from step to step; the room for keys and values may be any."""
        return {"k": (None, self.width(shape)), "v": (None, self.width(shape)), "at": (1,)}

    def seen(self, *shapes: Shape) -> Shape:
        """The shape of the softmax's weights: heads, steps of x, steps of what it attends to."""
        memory = shapes[0] if len(shapes) == 1 + len(self.told) else shapes[1]
        return (self.num_heads, shapes[0][-2], memory[-2])

    def width(self, shape: Shape) -> int:
        """Of all heads together, for a sequence of this shape."""
        return known(shape[-1:])[0] if self.key_dim is None else self.num_heads * self.key_dim

    def outputs(self, *shapes: Shape) -> tuple[Shape, ...]:
        return shapes if self.cached else shapes[:1]

    def parameters(self, *shapes: Shape) -> tuple[Parameter, ...]:
        features, width = known(shapes[0][-1:])[0], self.width(shapes[0])
        kernel, bias = map(initializer, (self.kernel_initializer, self.bias_initializer))
        there, back = (int(features), int(width)), (int(width), int(features))
        weights = (
            Parameter("in_proj_weight", (3 * width, features), kernel, there),
            Parameter("out_proj.weight", (features, width), kernel, back),
        )
        if not self.use_bias:
            return weights
        first = Parameter("in_proj_bias", (3 * width,), bias, there)
        return (weights[0], first, weights[1], Parameter("out_proj.bias", (features,), bias, back))

    def flops(self, *shapes: Shape) -> int:
        time, other = (int(size or 1) for size in self.seen(*shapes)[1:])
        rows = count(shapes[0][:-2])
        features, width, bias = int(shapes[0][-1] or 1), int(self.width(shapes[0])), self.use_bias
        made = time + (2 * time if self.cached else 2 * other)
        projected = made * width * (2 * features + bias) + time * features * (2 * width + bias)
        return rows * (projected + time * other * (4 * width + int(self.num_heads)))
