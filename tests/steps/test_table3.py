"""The story of `reproduce table-3`: which runs are made, how they are counted together."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from tests.comparison.planted_table3 import CHOICE

from trimaran.comparison.cells import CELLS, counted, network
from trimaran.steps.memory import Choice
from trimaran.steps.table3 import Found, Made, Planned, cases, study
from trimaran.training.events import Notice


def test_every_network_gets_every_task_length_and_seed() -> None:
    found = cases(CHOICE)
    parts = Counter((case.part, case.cell) for case in found)
    assert {parts["main", cell] for cell in CELLS} == {3 * 3 * 3}
    assert {parts["rates", cell] for cell in CELLS} == {4 * 3}  # the fifth is the tasks' own
    assert (parts["equal", "rnn"], parts["equal", "gru"], parts["equal", "lstm"]) == (3, 3, 0)
    assert len(set(found)) == len(found)


def test_equal_networks_have_as_many_parameters_as_fit_the_lstms() -> None:
    budget = counted(network("lstm", "adding", 20, CHOICE.units)).trained
    for case in cases(CHOICE):
        if case.part == "equal":
            own = counted(network(case.cell, case.task, case.length, case.units)).trained
            assert 0.9 * budget < own <= budget and case.units > CHOICE.units


@pytest.fixture(scope="module")
def events() -> list[object]:
    return list(study(Choice(("parity",), 2, units=3, updates=2, rates=(0.1,), repeats=1)))


def test_a_study_tells_what_it_will_do_then_each_run_then_what_it_found(
    events: list[object],
) -> None:
    notice, planned, *made, last = events
    assert isinstance(notice, Notice) and isinstance(planned, Planned) and isinstance(last, Found)
    assert planned.seconds > 0 and planned.runs == len(made) == 3 * 3 * 2 + 3 * 2 + 2 * 2
    assert all(isinstance(one, Made) for one in made)
    assert [one.number for one in made] == list(range(1, planned.runs + 1))  # type: ignore[attr-defined]


def test_a_study_measures_gradients_for_every_seed(events: list[object]) -> None:
    found = events[-1].value  # type: ignore[attr-defined]
    for name in ("initial", "trained"):
        for cell in CELLS:
            assert found["gradients"]["ratio"][name][cell]["runs"] == 2
            assert len(found["gradients"][name][cell]) == 7
    assert len(found["claims"]) == 12 and found["sweep"] == {"task": "parity", "length": 5}
    json.dumps(found, allow_nan=False)
