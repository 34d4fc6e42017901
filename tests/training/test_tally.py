"""The tally fed by the PyTorch room, against means by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from trimaran.backends.torch.losses import Criterion
from trimaran.backends.torch.scoring import entry_of
from trimaran.backends.torch.tally import Waiting
from trimaran.tasks.loss import Loss, Objective
from trimaran.training.tally import Tally, names

OBJECTIVE = Objective({"a": Loss("mse", weight=2.0), "b": Loss("sparse_categorical_crossentropy")})
CRITERION = Criterion(OBJECTIVE)


def filled(every: int) -> tuple[Tally, list[tuple[int, float]]]:
    """A tally of ten batches, read after every `every` of them."""
    generator = torch.Generator().manual_seed(0)
    tally, losses = Tally(OBJECTIVE), []
    waiting = Waiting(CRITERION)
    for number in range(10):
        n = 3 + number % 4
        found = {k: torch.randn(n, 2, generator=generator) for k in "ab"}
        targets = {"a": torch.randn(n, 2, generator=generator), "b": torch.arange(n) % 2}
        weights = torch.rand(n, generator=generator)
        waiting.add(entry_of(number, CRITERION, found, targets, weights))
        if number % every == 0:
            losses += tally.add(waiting.drain())
    return tally, losses + tally.add(waiting.drain())


def test_sums_do_not_depend_on_how_often_they_are_read() -> None:
    (one, losses), (two, same) = filled(1), filled(7)
    assert one.sums == two.sums and losses == same
    assert [number for number, _ in losses] == list(range(10))
    assert one.examples() == sum(3 + n % 4 for n in range(10))


def test_the_mean_is_that_of_all_rows_together() -> None:
    generator = torch.Generator().manual_seed(0)
    rows, weights, hits = [], [], []
    for number in range(10):
        n = 3 + number % 4
        found = {k: torch.randn(n, 2, generator=generator).double().numpy() for k in "ab"}
        target = torch.randn(n, 2, generator=generator).double().numpy()
        weights.append(torch.rand(n, generator=generator).double().numpy())
        rows.append(((found["a"] - target) ** 2).mean(1))
        hits.append(found["b"].argmax(1) == np.arange(n) % 2)
    metrics = filled(3)[0].metrics()
    w = np.concatenate(weights)
    assert metrics["a_loss"] == pytest.approx((w * np.concatenate(rows)).sum() / w.sum())
    assert metrics["b_accuracy"] == pytest.approx(np.concatenate(hits).mean())
    assert metrics["loss"] == pytest.approx(2 * metrics["a_loss"] + metrics["b_loss"])


def test_names_are_those_of_keras() -> None:
    one = Objective({"output": Loss("sparse_categorical_crossentropy")})
    assert names(one) == ["loss", "accuracy"]
    assert names(OBJECTIVE) == ["loss", "a_loss", "a_mean_absolute_error", "b_loss", "b_accuracy"]
    assert math.isnan(Tally(one).metrics()["loss"])
