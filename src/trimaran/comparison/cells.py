"""The three recurrent networks of the chapter's Table 3, and what can be counted of them.

Everything is read from the descriptions: a recurrent matrix stacks one block of rows for each sum
that a step needs. One block is the new content itself; the others are gates.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from trimaran.data.batches import INPUT, OUTPUT
from trimaran.data.memory import SYMBOLS, TOLD, memory_rows
from trimaran.spec import Input, Leaf, Model, functional
from trimaran.spec.layers import GRU, LSTM, Activation, Cropping1D, Dense, SimpleRNN
from trimaran.spec.layers.recurrent import Recurrent
from trimaran.tasks import Loss, Objective

CELLS: dict[str, type[Recurrent]] = {"rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}
LABELS = {"rnn": "Vanilla RNN", "lstm": "LSTM", "gru": "GRU"}
CELL = "cell"
"""The path of the recurrent layer."""


@dataclass(frozen=True)
class Memory:
    """A memory task as a network learns it, and when it counts as solved.

    lengths: what is trained by default;  counted: what a length counts
    loss:    of `tasks.Loss`;  head: the activation that it matches, if any
    figure:  the metric that is judged on rows held out;  bound: where solving it begins
    lower:   whether less of the figure is better;  rule: the same in words
    """

    name: str
    lengths: tuple[int, ...]
    counted: str
    loss: str
    head: str | None
    figure: str
    bound: float
    lower: bool
    rule: str
    source: str

    @property
    def objective(self) -> Objective:
        """What is minimised."""
        return Objective({OUTPUT: Loss(self.loss).on(self.head)})

    def solved(self, value: float) -> bool:
        """Whether this value of the figure is good enough; what is no number is not."""
        return value <= self.bound if self.lower else value >= self.bound


TASKS: dict[str, Memory] = {
    "adding": Memory(
        "adding", (10, 20, 40), "steps", "mean_squared_error", None, "loss", 1 / 60, True,
        "mean squared error at most 1/60, a tenth of what always saying 1 gives",
        "Hochreiter and Schmidhuber 1997, §5.4; Le, Jaitly and Hinton 2015",
    ),
    "copy": Memory(
        "copy", (5, 10, 20), "steps of waiting", "sparse_categorical_crossentropy", "softmax",
        "accuracy", 0.99, False, "99 % of the symbols told right; guessing gives 25 %",
        "Arjovsky, Shah and Bengio 2016, §4.1",
    ),
    "parity": Memory(
        "parity", (3, 5, 7), "bits", "binary_crossentropy", "sigmoid", "accuracy", 0.95, False,
        "95 % of the sequences told right; guessing gives 50 %",
        "Bengio, Simard and Frasconi 1994",
    ),
}  # fmt: skip


@cache
def network(cell: str, task: str, length: int, units: int) -> Model:
    """One recurrent layer and one dense one, for a task of that length.

    The last state answers; in the copy task the last TOLD states do, one symbol each.
    """
    steps, features = memory_rows(task, 1, length, 0).inputs[INPUT].shape[1:]
    x = start = Input((steps, features), name=INPUT)
    several = task == "copy"
    x = CELLS[cell](units, return_sequences=several, name=CELL)(x)
    x = Cropping1D((steps - TOLD, 0), name="told")(x) if several else x
    x = Dense(SYMBOLS if several else 1, name="answer")(x)
    head = TASKS[task].head
    return functional(start, {OUTPUT: Activation(head)(x) if head else x}, f"{cell}-{task}")


@dataclass(frozen=True)
class Counted:
    """What a description says of its recurrent layer.

    blocks: of rows in its matrices;  gates: those of them that open and close
    states: arrays that go from step to step
    trained: its numbers that are trained;  stored: those in the file, with a second bias that
        stays 0 where two biases are only added;  whole: trained numbers of the whole network
    """

    blocks: int
    gates: int
    states: int
    trained: int
    stored: int
    whole: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def counted(model: Model) -> Counted:
    """The counts of a network that `network` made."""
    leaf = _cell(model)
    assert isinstance(leaf.layer, Recurrent)
    own = {k: p for k, p in model.parameters.items() if k.startswith(f"{CELL}.")}
    rows, units = own[f"{CELL}.weight_hh_l0"].shape
    blocks = rows // units
    return Counted(
        blocks,
        blocks - 1,
        leaf.layer.states,
        sum(p.size for p in own.values() if p.trainable),
        sum(p.size for p in own.values()),
        model.size,
    )


def _cell(model: Model) -> Leaf:
    return next(leaf for leaf in model.leaves if leaf.path == CELL)


def widest(cell: str, task: str, length: int, budget: int) -> int:
    """The most units with which the cell's layer trains no more than `budget` numbers."""
    low, high = 1, 2
    while _trained(cell, task, length, high) <= budget:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        fits = _trained(cell, task, length, middle) <= budget
        low, high = (middle, high) if fits else (low, middle)
    return low


def _trained(cell: str, task: str, length: int, units: int) -> int:
    return counted(network(cell, task, length, units)).trained
