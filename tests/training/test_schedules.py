"""Schedules against closed forms; PyTorch's schedulers are the oracle in tests/backends/torch."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimaran.errors import RecipeError
from trimaran.training.schedules import (
    SCHEDULES,
    Constant,
    CosineDecay,
    ExponentialDecay,
    Horizon,
    OneCycle,
    Plateau,
    ReduceOnPlateau,
    StepDecay,
    factor,
    plateau,
    schedule,
    schedule_json,
)

RUN = Horizon(100, 10)


def test_closed_forms() -> None:
    assert factor(Constant(), 7, RUN) == 1
    assert [factor(StepDecay(2, 0.5), s, RUN) for s in (0, 19, 20, 40)] == [1, 1, 0.5, 0.25]
    assert factor(ExponentialDecay(0.9), 20, RUN) == pytest.approx(0.81)
    assert factor(CosineDecay(), 0, RUN) == 1
    assert factor(CosineDecay(), 50, RUN) == pytest.approx(0.5)
    assert factor(CosineDecay(final=0.1), 100, RUN) == pytest.approx(0.1)
    assert factor(OneCycle(), 0, RUN) == pytest.approx(1 / 25)
    assert factor(OneCycle(), 29, RUN) == pytest.approx(1)
    assert factor(OneCycle(), 99, RUN) == pytest.approx(1 / 25e4)


def test_warm_up_rises_in_a_line_then_the_schedule_spans_the_rest() -> None:
    warm = [factor(CosineDecay(warm_up=4), s, RUN) for s in range(5)]
    assert warm == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert factor(CosineDecay(warm_up=0.2), 60, RUN) == pytest.approx(0.5)
    assert factor(Constant(warm_up=1000), 99, RUN) == 1


@given(
    st.sampled_from(sorted(SCHEDULES)),
    st.floats(0, 20),
    st.integers(1, 300),
    st.integers(1, 40),
    st.data(),
)
def test_every_rate_is_a_part_of_the_full_one(
    name: str, warm_up: float, steps: int, per_epoch: int, data: st.DataObject
) -> None:
    given_schedule = schedule({"name": name, "warm_up": warm_up})
    step = data.draw(st.integers(0, steps - 1))
    rate = factor(given_schedule, step, Horizon(steps, per_epoch))
    assert math.isfinite(rate) and 0 <= rate <= 1
    assert rate == factor(given_schedule, step, Horizon(steps, per_epoch))


@pytest.mark.parametrize("name", SCHEDULES)
def test_json_round_trip(name: str) -> None:
    made = schedule({"name": name, "warm_up": 0.25})
    assert schedule(schedule_json(made)) == made


@pytest.mark.parametrize(
    "value",
    [
        "cosin",
        {"name": "cosine", "warm_up": -1},
        {"name": "step", "epochs": 0},
        {"name": "exponential", "gamma": 0},
        {"name": "one-cycle", "rise": 1.0},
        {"name": "plateau", "gamma": 1.0},
    ],
)
def test_impossible_schedules_are_named(value: object) -> None:
    with pytest.raises(RecipeError):
        schedule(value)  # type: ignore[arg-type]


def test_the_plateau_cuts_after_patience_and_rests() -> None:
    rule = ReduceOnPlateau(gamma=0.5, patience=2, cooldown=1)
    state, cuts = Plateau(), []
    for value in (1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9):
        state = plateau(rule, state, value, 0.1)
        cuts.append(state.cut)
    assert cuts == [1, 1, 1, 0.5, 0.5, 0.25, 0.25]


def test_the_plateau_keeps_the_minimum() -> None:
    rule = ReduceOnPlateau(gamma=0.1, patience=1, minimum=0.05)
    state = Plateau()
    for _ in range(5):
        state = plateau(rule, state, 1.0, 0.1)
    assert state.cut == pytest.approx(0.5)
