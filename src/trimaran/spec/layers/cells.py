"""Recurrent cells: one step of SimpleRNN, LSTM and GRU, the states in and the states out.

`h, c = LSTMCell(8)(x, h, c)`, as `torch.nn.LSTMCell` has it. A cell stepped over a sequence from
states of zeros *is* the recurrent layer with the same arrays, so `RNN(cell)` is that layer, which
every framework computes in one call, where a loop in Python would make one for each step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from trimaran.errors import DescriptionError
from trimaran.spec.initializers import Initializer
from trimaran.spec.layer import Layer, Parameter, Shape, require
from trimaran.spec.layers.recurrent import GRU, LSTM, Recurrent, SimpleRNN


@dataclass(frozen=True)
class Cell(Layer):
    """What the three share. Shapes: (features,) and the states, (units,) each → the states after
    the step, of which the first is also the output.

    Parameters, in the names of PyTorch's cells, with the gates g stacked along the first axis:
    weight_ih (g·units, features), weight_hh (g·units, units), bias_ih and bias_hh (g·units,). Which
    of the biases are trained is said in `Recurrent`.
    """

    units: int
    use_bias: bool = True
    kernel_initializer: str | Initializer = "glorot_uniform"
    recurrent_initializer: str | Initializer = "orthogonal"
    bias_initializer: str | Initializer = "zeros"

    INPUTS: ClassVar[int | None] = None
    STEPS: ClassVar[type[Recurrent]]
    """The layer that takes such a step after another."""

    def over_time(self) -> Recurrent:
        """The recurrent layer with this cell's arrays."""
        return self.STEPS(**self.settings(), cell=True)

    @property
    def states(self) -> int:
        """How many states it takes and gives."""
        return self.STEPS.STATES

    def count_outputs(self) -> int:
        return self.states

    def check(self, *shapes: Shape) -> None:
        x, *states = shapes
        told = "the features of one step (features,)"
        require(len(x) == 1, told, x, "use RNN(cell) for a sequence")
        count, names = self.states, ", ".join("hc"[: self.states])
        told = f"{count} state{'s' * (count > 1)} behind the step"
        require(len(states) == count, told, len(states), f"call it on (x, {names})")
        self.over_time().check((1, *x), *states)

    def outputs(self, *shapes: Shape) -> tuple[Shape, ...]:
        return ((self.units,),) * self.states

    def output(self, *shapes: Shape) -> Shape:
        return (self.units,)

    def parameters(self, *shapes: Shape) -> tuple[Parameter, ...]:
        return self.over_time().parameters((1, *shapes[0]))

    def flops(self, *shapes: Shape) -> int:
        return self.over_time().flops((1, *shapes[0]))


@dataclass(frozen=True)
class SimpleRNNCell(Cell):
    """One step of `SimpleRNN`."""

    nonlinearity: str = "tanh"

    KIND: ClassVar[str] = "rnn"
    STEPS: ClassVar[type[Recurrent]] = SimpleRNN


@dataclass(frozen=True)
class LSTMCell(Cell):
    """One step of `LSTM` (the first listing of the chapter's §V)."""

    unit_forget_bias: bool = True

    KIND: ClassVar[str] = "lstm"
    STEPS: ClassVar[type[Recurrent]] = LSTM


@dataclass(frozen=True)
class GRUCell(Cell):
    """One step of `GRU`."""

    KIND: ClassVar[str] = "gru"
    STEPS: ClassVar[type[Recurrent]] = GRU


def RNN(  # noqa: N802 (Keras's name)
    cell: Cell,
    return_sequences: bool = False,
    return_state: bool = False,
    name: str | None = None,
) -> Recurrent:
    """Keras's word for a cell that goes over a sequence: the recurrent layer of equal arrays, under
    the cell's names for them.

    Raises:
        DescriptionError: `cell` is no cell.
    """
    given: Any = cell
    if not isinstance(given, Cell):
        raise DescriptionError(
            f"RNN: expected a cell such as LSTMCell(units), got {type(given).__name__}; a "
            "recurrent layer such as LSTM goes over a sequence by itself."
        )
    return replace(
        cell.over_time(),
        return_sequences=return_sequences,
        return_state=return_state,
        name=name or cell.name,
    )
