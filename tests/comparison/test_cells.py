"""Counts of the three cells: by hand, by formula, and against PyTorch's own modules."""

from __future__ import annotations

import math

import pytest
import torch

from trimaran.comparison.cells import CELLS, TASKS, counted, network, widest
from trimaran.data.batches import INPUT, OUTPUT
from trimaran.data.memory import TOLD, memory_rows

MODULES = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
FEATURES = {"adding": 2, "copy": 6, "parity": 1}


def test_by_hand() -> None:
    """Three units that read two numbers: 3·(2 + 3 + 1) a block; the GRU has a second bias."""
    found = {cell: counted(network(cell, "adding", 4, 3)) for cell in CELLS}
    assert {cell: one.trained for cell, one in found.items()} == {"rnn": 18, "lstm": 72, "gru": 63}
    assert {cell: one.blocks for cell, one in found.items()} == {"rnn": 1, "lstm": 4, "gru": 3}
    assert {cell: one.gates for cell, one in found.items()} == {"rnn": 0, "lstm": 3, "gru": 2}
    assert {cell: one.states for cell, one in found.items()} == {"rnn": 1, "lstm": 2, "gru": 1}
    assert found["rnn"].whole == 18 + 3 + 1  # and the dense layer


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("cell", CELLS)
def test_stored_numbers_are_those_of_pytorchs_module(cell: str, task: str) -> None:
    units, features = 7, FEATURES[task]
    found = counted(network(cell, task, 5, units))
    module = MODULES[cell](features, units)
    assert found.stored == sum(p.numel() for p in module.parameters())
    second = 0 if cell == "gru" else found.blocks * units
    assert found.trained == found.stored - second


@pytest.mark.parametrize("cell", CELLS)
def test_the_widest_network_within_a_budget(cell: str) -> None:
    units = widest(cell, "adding", 10, 700)
    sizes = [counted(network(cell, "adding", 10, n)).trained for n in (units, units + 1)]
    assert sizes[0] <= 700 < sizes[1]


@pytest.mark.parametrize("task", TASKS)
def test_networks_take_the_rows_of_their_task(task: str) -> None:
    model, rows = network("gru", task, 6, 4), memory_rows(task, 3, 6, 0)
    assert model.inputs[0].shape == rows.inputs[INPUT].shape[1:]
    shape = model.output_shape(OUTPUT)
    assert shape == ((TOLD, 4) if task == "copy" else (1,))
    assert (model.heads.get(OUTPUT) or None) == TASKS[task].head


@pytest.mark.parametrize(
    ("task", "good", "bad"),
    [("adding", 1 / 60, 1 / 50), ("copy", 0.99, 0.985), ("parity", 0.95, 0.94)],
)
def test_solved_begins_at_the_bound(task: str, good: float, bad: float) -> None:
    assert TASKS[task].solved(good) and not TASKS[task].solved(bad)
    assert not TASKS[task].solved(math.nan)
