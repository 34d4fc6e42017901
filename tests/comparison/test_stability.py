"""What a run is judged by, on planted ones; gradients through time against two oracles."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trimaran.backends.reference import BACKEND as REFERENCE
from trimaran.backends.torch.build import TorchBackend
from trimaran.comparison.cells import CELLS, TASKS, network
from trimaran.comparison.stability import Case, Trial, curve, geometric, of, sign_test, through_time
from trimaran.data.batches import INPUT, OUTPUT, Rows
from trimaran.data.memory import memory_rows
from trimaran.weights import draw

CASE = Case("main", "rnn", "adding", 10, 4, 0.01, 0)


def trial(before: float, after: float, solved: bool = False) -> Trial:
    return Trial(CASE, 100, solved, after, before, after)


@pytest.mark.parametrize(
    ("before", "after", "diverged"),
    [(1.0, 0.5, False), (1.0, 1.09, False), (1.0, 1.11, True), (1.0, math.inf, True),
     (1.0, math.nan, True)],
)  # fmt: skip
def test_a_run_diverges_where_it_ends_worse_than_it_began_or_as_no_number(
    before: float, after: float, diverged: bool
) -> None:
    found = trial(before, after)
    assert found.diverged == diverged
    assert found.to_json()["after"] == (after if math.isfinite(after) else None)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_through_time_are_the_references(cell: str, task: str) -> None:
    model, rows = network(cell, task, 6, 5), memory_rows(task, 8, 6, 1)
    weights, goal = draw(model, 2, np.float64), TASKS[task].objective
    mine = through_time(TorchBackend().build(model, weights, "float64"), rows, goal)
    truth = through_time(REFERENCE.build(model, weights), rows, goal)
    assert len(mine) == model.inputs[0].shape[0] and min(truth) > 0
    assert mine == pytest.approx(truth, rel=1e-9)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_through_time_are_finite_differences(cell: str) -> None:
    """Moving the inputs of step t along their gradient changes the loss by its norm."""
    model, rows = network(cell, "adding", 5, 4), memory_rows("adding", 6, 5, 0)
    goal = TASKS["adding"].objective
    built = REFERENCE.build(model, draw(model, 0, np.float64))
    norms, size = through_time(built, rows, goal), 1e-5
    x, y = rows.inputs[INPUT].astype(np.float64), {OUTPUT: rows.targets[OUTPUT]}
    slope = built.gradients({INPUT: x}, y, goal.losses).inputs[INPUT]
    for t, norm in enumerate(norms):
        way = np.zeros_like(x)
        way[:, t] = slope[:, t] / norm
        up, down = (
            built.gradients({INPUT: x + side * size * way}, y, goal.losses).loss for side in (1, -1)
        )
        assert (up - down) / (2 * size) == pytest.approx(norm, rel=1e-6)


def test_an_lstm_whose_forget_gate_is_shut_loses_its_gradient() -> None:
    model, rows = network("lstm", "adding", 20, 8), memory_rows("adding", 16, 20, 0)
    goal, ratios = TASKS["adding"].objective, []
    for bias in (8.0, -8.0):
        weights = draw(model, 0, np.float64)
        weights["cell.bias_ih_l0"][8:16] = bias  # of i, f, g, o: f
        norms = through_time(TorchBackend().build(model, weights, "float64"), rows, goal)
        ratios.append(norms[0] / norms[-1])
    assert ratios[0] > 0.1 and ratios[1] < 1e-6


def test_the_geometric_mean_and_its_interval() -> None:
    found = geometric([1e-2, 1e-4])
    assert found["mean"] == pytest.approx(1e-3) and found["low"] < 1e-4 and found["high"] > 1e-2
    three = geometric([1e-3, 1e-4, 1e-5])  # t(0.975, 2) = 4.3027, standard error 1/sqrt(3)
    assert math.log10(three["high"]) == pytest.approx(-4 + 4.30265 / math.sqrt(3), rel=1e-5)
    assert geometric([0.0, 0.0])["mean"] == pytest.approx(1e-308)
    steps = curve([(1.0, 10.0), (100.0, 10.0)])
    assert [one["step"] for one in steps] == [1, 2]
    assert [one["mean"] for one in steps] == pytest.approx([10.0, 10.0])


def test_the_sign_test_by_hand() -> None:
    """Of ten pairs that differ all one way, chance gives 2 / 2^10."""
    found = sign_test([True] * 10 + [True], [False] * 10 + [True])
    assert found == {"first": 10, "second": 0, "p": 2 / 1024}
    assert sign_test([True, False], [False, True])["p"] == 1.0
    assert sign_test([True, True], [True, True]) == {"first": 0, "second": 0, "p": 1.0}
    assert sign_test([False] * 3, [True] * 3)["second"] == 3


def test_trials_are_found_by_their_case() -> None:
    trials = [trial(1.0, 0.5), trial(1.0, 2.0)]
    assert of(trials, {"cell": "rnn", "length": 10}) == trials and of(trials, {"cell": "gru"}) == []


def test_rows_of_any_precision_are_taken_in_float64() -> None:
    model, rows = network("rnn", "parity", 4, 3), memory_rows("parity", 5, 4, 0)
    half = Rows({INPUT: rows.inputs[INPUT].astype(np.float16)}, rows.targets, None, rows.ids)
    built = REFERENCE.build(model, draw(model, 0, np.float64))
    goal = TASKS["parity"].objective
    assert through_time(built, half, goal) == through_time(built, rows, goal)
