"""Runs on memory tasks: what is easy is solved, what is spoilt is not, what explodes diverges."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from trimaran.comparison.cells import CELLS
from trimaran.comparison.stability import Case, Trial
from trimaran.data.batches import OUTPUT, Rows
from trimaran.data.memory import memory_rows
from trimaran.errors import RecipeError
from trimaran.steps import memory
from trimaran.steps.implementation import implementation
from trimaran.steps.memory import Choice, times, train
from trimaran.training.events import Stopped

EASY = Case("main", "rnn", "parity", 2, 8, 0.02, 0)
CHOICE = Choice(seeds=2, units=8, updates=300, held=200)


def test_an_easy_task_is_solved_before_the_budget_is_spent_and_twice_alike() -> None:
    found, weights = train(EASY, CHOICE)
    assert found.solved and found.figure >= 0.95 and found.updates < 300
    assert not found.diverged and found.after < found.before
    again, same = train(EASY, replace(CHOICE, updates=found.updates))
    assert again == found and all(np.array_equal(weights[k], same[k]) for k in weights)


def test_a_task_whose_answers_are_shuffled_is_not_solved(monkeypatch: pytest.MonkeyPatch) -> None:
    def shuffled(task: str, count: int, length: int, seed: int, part: int = 0) -> Rows:
        rows = memory_rows(task, count, length, seed, part)
        order = np.random.default_rng(part).permutation(count)
        return Rows(rows.inputs, {OUTPUT: rows.targets[OUTPUT][order]}, None, rows.ids)

    monkeypatch.setattr(memory, "memory_rows", shuffled)
    found, _ = train(EASY, CHOICE)
    assert not found.solved and found.updates == 300 and found.figure < 0.7


def test_an_lstm_whose_gates_are_shut_remembers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing enters its cell and nothing stays there, where the same LSTM solves the task."""
    case = Case("main", "lstm", "parity", 2, 8, 0.02, 0)
    assert train(case, CHOICE)[0].solved
    real = memory.draw

    def shut(model: Any, seed: int) -> Any:
        weights = real(model, seed)
        weights["cell.bias_ih_l0"][:16] = -40.0  # i and f
        return weights

    monkeypatch.setattr(memory, "draw", shut)
    found, _ = train(case, CHOICE)
    assert not found.solved and found.figure < 0.7


@pytest.mark.parametrize(("rate", "finite"), [(1e3, True), (1e38, False)])
def test_a_learning_rate_far_too_high_diverges(rate: float, finite: bool) -> None:
    found, _ = train(Case("rates", "gru", "adding", 4, 4, rate, 0), Choice(updates=20))
    assert found.diverged and not found.solved and math.isfinite(found.after) == finite
    assert math.isfinite(found.before)


def test_an_interruption_of_the_loop_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = implementation("torch")

    def interrupted(*_: Any) -> Any:
        yield Stopped("interrupted", 3, 3)

    monkeypatch.setitem(torch.rooms, "loop", _Loop(torch.rooms["loop"], interrupted))
    with pytest.raises(KeyboardInterrupt):
        train(EASY, CHOICE)
    with pytest.raises(KeyboardInterrupt):
        times(CHOICE, "adding", (2, 4))


class _Loop:
    def __init__(self, real: Any, fit: Any) -> None:
        self.engine, self.fit = real.engine, fit


def test_times_are_of_all_cells_at_both_lengths() -> None:
    found = times(Choice(updates=1, repeats=2, units=4), "adding", (2, 4))
    assert set(found) == set(CELLS)
    for own in found.values():
        assert own["short"]["runs"] == own["long"]["runs"] == 2  # type: ignore[index]
        assert own["short"]["low"] > 0 and own["long"]["low"] > 0  # type: ignore[index]


@pytest.mark.parametrize(
    ("given", "words"),
    [({"seeds": 1}, "an interval needs several runs"), ({"units": 0}, "a network has some"),
     ({"updates": 0}, "something must be learned"), ({"seed": -1}, "keys the random streams"),
     ({"only": ("sorting",)}, "'sorting' is no memory task; there is adding, copy, parity"),
     ({"only": ()}, "no memory task is named")],
)  # fmt: skip
def test_a_choice_out_of_range_is_one_sentence(given: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        Choice(**given)


def test_looks_fill_the_budget() -> None:
    assert [(Choice(updates=n).look, Choice(updates=n).looks) for n in (20, 100, 250)] == [
        (20, 1), (100, 1), (100, 3),
    ]  # fmt: skip
    assert isinstance(train(EASY, Choice(updates=5))[0], Trial)
