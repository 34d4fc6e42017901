"""The schedules of training/ against PyTorch's own schedulers, update by update."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as oracle

from trimaran.training.schedules import (
    CosineDecay,
    ExponentialDecay,
    Horizon,
    OneCycle,
    Plateau,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
    factor,
    plateau,
)

STEPS, PER_EPOCH, RATE = 60, 6, 0.1
CASES: dict[str, tuple[Schedule, Callable[[Any], Any]]] = {
    "step": (StepDecay(2, 0.3), lambda o: oracle.StepLR(o, 12, 0.3)),
    "exponential": (
        ExponentialDecay(0.9),
        lambda o: oracle.ExponentialLR(o, 0.9 ** (1 / PER_EPOCH)),
    ),
    "cosine": (CosineDecay(0.1), lambda o: oracle.CosineAnnealingLR(o, STEPS, RATE * 0.1)),
    "one-cycle": (OneCycle(), lambda o: oracle.OneCycleLR(o, RATE, STEPS, cycle_momentum=False)),
    "warm-up": (
        CosineDecay(warm_up=9),
        lambda o: oracle.SequentialLR(
            o,
            [oracle.LinearLR(o, 0.1, 1.0, 9), oracle.CosineAnnealingLR(o, STEPS - 9)],
            [9],
        ),
    ),
}


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)


@pytest.mark.filterwarnings("ignore:The epoch parameter:UserWarning")  # inside SequentialLR
@pytest.mark.parametrize("name", CASES)
def test_rates_are_those_of_torch(name: str) -> None:
    ours, make = CASES[name]
    made = optimizer()
    theirs = make(made)
    for step in range(STEPS):
        expected = made.param_groups[0]["lr"]
        assert RATE * factor(ours, step, Horizon(STEPS, PER_EPOCH)) == pytest.approx(
            expected, abs=1e-9
        )
        made.step()
        theirs.step()


@pytest.mark.parametrize(("patience", "cooldown"), [(1, 0), (2, 0), (3, 2)])
def test_the_plateau_is_that_of_torch(patience: int, cooldown: int) -> None:
    # Keras cuts in the epoch number `patience` without improvement, and counts again in the
    # last one of the cooldown; torch does each an epoch later.
    made = optimizer()
    theirs = oracle.ReduceLROnPlateau(
        made,
        factor=0.5,
        patience=patience - 1,
        threshold=1e-4,
        threshold_mode="abs",
        cooldown=max(cooldown - 1, 0),
        eps=0,
    )
    rule, state = ReduceOnPlateau("loss", 0.5, patience, cooldown=cooldown), Plateau()
    generator = torch.Generator().manual_seed(0)
    for value in (torch.rand(80, generator=generator) + 0.2).tolist():
        theirs.step(value)
        state = plateau(rule, state, value, RATE)
        assert state.cut * RATE == pytest.approx(made.param_groups[0]["lr"], rel=1e-12)
