"""Recurrent layers: SimpleRNN, LSTM and GRU over sequences (time, features).

A state is an explicit input and output, an array (units,) a row: `LSTM(8)(x, initial_state=[h, c])`
begins from it, and with `return_state` the states after the last step stand behind the output.
Without an initial state a row begins from zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from trimaran.spec.initializers import Constant, Gates, Initializer, initializer
from trimaran.spec.layer import Layer, Padded, Parameter, Shape, known, require, whole
from trimaran.spec.layers.steps import check_steps, given_steps, taking


@dataclass(frozen=True)
class Recurrent(Layer):
    """What the three share. Shapes: (time, features) → (units,), or (time, units) with
    `return_sequences`; with `return_state` also one (units,) per state.

    A `bidirectional` layer reads the sequence a second time from its end, with weights of its own,
    and gives both side by side, (2 · units); its states are those of the way there, then those of
    the way back.

    `masked`: the last input says which steps hold data (see `spec.layers.steps`). The states after
    a row's last step are its last ones, the way back starts at that step, and outputs in the
    padding are 0.

    Parameters, in PyTorch's words with the gates g stacked along the first axis:
    weight_ih_l0 (g·units, features), weight_hh_l0 (g·units, units), bias_ih_l0 and bias_hh_l0
    (g·units,), and the same with "_reverse" behind for the way back. Where two biases are only
    added, the second stays 0 and is not trained, so that there is one bias to train, as in Keras.

    `cell`: the arrays bear the names that PyTorch's cells have for them, weight_ih and so on; see
    `RNN`.
    """

    units: int
    return_sequences: bool = False
    return_state: bool = False
    bidirectional: bool = False
    masked: bool = False
    use_bias: bool = True
    kernel_initializer: str | Initializer = "glorot_uniform"
    recurrent_initializer: str | Initializer = "orthogonal"
    bias_initializer: str | Initializer = "zeros"
    cell: bool = False

    INPUTS: ClassVar[int | None] = None
    GATES: ClassVar[int]
    STATES: ClassVar[int] = 1
    TWO_BIASES: ClassVar[bool] = False

    def __call__(self, *inputs: Any, initial_state: Any = None) -> Any:
        """Call the layer on a sequence, from `initial_state` (one tensor, or one per state)."""
        if initial_state is None:
            return super().__call__(*inputs)
        several = isinstance(initial_state, Sequence)
        return super().__call__(*inputs, *(initial_state if several else [initial_state]))

    def count_outputs(self) -> int:
        return 1 + self.states * self.return_state

    @property
    def ways(self) -> int:
        """How often it reads the sequence."""
        return 1 + self.bidirectional

    @property
    def states(self) -> int:
        """How many states it begins from."""
        return self.STATES * self.ways

    def check(self, *shapes: Shape) -> None:
        require(whole(self.units), "units of 1 or more", self.units, "give the number of units")
        told = "a cell on its way from the first step to the last"
        refused = self.cell and (self.bidirectional or self.masked)
        require(not refused, told, "padded rows or two ways", f"use {type(self).__name__}(units)")
        x, *states = given_steps(shapes, self.masked)
        check_steps(shapes, 1 + len(states), self.masked)
        require(len(x) == 2, "a sequence (time, features)", x, "use Embedding or Reshape before it")
        require(x[-1] is not None, "a known number of features", x, "fix the last axis")
        require(
            len(states) in (0, self.states),
            f"no initial state or {self.states}",
            len(states),
            f"give initial_state={self._begun()}",
        )
        for state in states:
            wanted = (self.units,)
            require(state == wanted, f"an initial state {wanted}", state, "fit it to the units")

    def kinds(self, count: int) -> tuple[str, ...]:
        return taking(super().kinds(count), self.masked)

    def over_padding(self) -> Padded | None:
        return Padded(keeps=self.return_sequences, takes=True)

    def _begun(self) -> str:
        """The initial state as it is written."""
        names = list("hc"[: self.STATES] * self.ways)
        return names[0] if len(names) == 1 else f"[{', '.join(names)}]"

    def output(self, *shapes: Shape) -> Shape:
        width = self.units * self.ways
        return (shapes[0][0], width) if self.return_sequences else (width,)

    def outputs(self, *shapes: Shape) -> tuple[Shape, ...]:
        states = ((self.units,),) * self.states if self.return_state else ()
        return (self.output(*shapes), *states)

    def parameters(self, *shapes: Shape) -> tuple[Parameter, ...]:
        features, units = known(shapes[0][-1:])[0], int(self.units)
        rows, end = self.GATES * units, "" if self.cell else "_l0"
        kernel, recurrent = map(initializer, (self.kernel_initializer, self.recurrent_initializer))
        own: list[Parameter] = [
            Parameter(f"weight_ih{end}", (rows, features), kernel, (int(features), rows)),
            Parameter(f"weight_hh{end}", (rows, units), recurrent, (units, rows)),
        ]
        if self.use_bias:
            fan, second = (units, rows), initializer(self.bias_initializer)
            own.append(Parameter(f"bias_ih{end}", (rows,), self.first_bias(), fan))
            two = self.TWO_BIASES
            second = second if two else Constant(0.0)
            own.append(Parameter(f"bias_hh{end}", (rows,), second, fan, trainable=two))
        back = [replace(p, name=f"{p.name}_reverse") for p in own if self.bidirectional]
        return (*own, *back)

    def first_bias(self) -> Initializer:
        """The distribution of the bias that is trained."""
        return initializer(self.bias_initializer)

    def flops(self, *shapes: Shape) -> int:
        steps, features = shapes[0][0] or 1, int(shapes[0][-1] or 1)
        rows = self.GATES * int(self.units) * self.ways
        return int(steps) * rows * 2 * (features + int(self.units) + self.use_bias)


@dataclass(frozen=True)
class SimpleRNN(Recurrent):
    """h_t = f(W x_t + U h_{t-1} + b), with f = tanh or relu (Elman 1990; chapter §V)."""

    nonlinearity: str = "tanh"

    KIND: ClassVar[str] = "rnn"
    GATES: ClassVar[int] = 1

    def check(self, *shapes: Shape) -> None:
        super().check(*shapes)
        known_ = ("tanh", "relu")
        require(self.nonlinearity in known_, "tanh or relu", self.nonlinearity, "use one of them")


@dataclass(frozen=True)
class LSTM(Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997, with forget gates; chapter §V):

        i, f, o = σ(W x_t + U h_{t-1} + b);  g = tanh(...)
        c_t = f c_{t-1} + i g;  h_t = o tanh c_t

    The gates stand as i, f, g, o. `unit_forget_bias` starts the bias of f at 1 (Jozefowicz et al.
    2015), as in Keras.
    """

    unit_forget_bias: bool = True

    KIND: ClassVar[str] = "lstm"
    GATES: ClassVar[int] = 4
    STATES: ClassVar[int] = 2

    def first_bias(self) -> Initializer:
        given = initializer(self.bias_initializer)
        zeros = given == Constant(0.0)
        return Gates((0.0, 1.0, 0.0, 0.0)) if zeros and self.unit_forget_bias else given


@dataclass(frozen=True)
class GRU(Recurrent):
    """Gated recurrent unit (Cho et al. 2014; chapter §V), in the form with two biases (Keras's
    `reset_after`, and PyTorch's only one):

        r, z = σ(W x_t + b + U h_{t-1} + b');  n = tanh(W x_t + b + r (U h_{t-1} + b'))
        h_t = (1 - z) n + z h_{t-1}

    The gates stand as r, z, n.
    """

    KIND: ClassVar[str] = "gru"
    GATES: ClassVar[int] = 3
    TWO_BIASES: ClassVar[bool] = True


def Bidirectional(layer: Recurrent, name: str | None = None) -> Recurrent:  # noqa: N802
    """Keras's word for a recurrent layer that also reads from the end (Schuster and Paliwal
    1997)."""
    return replace(layer, bidirectional=True, name=name or layer.name)
