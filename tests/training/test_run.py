from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest

from trimaran.data.batches import Rows
from trimaran.tasks.loss import Loss, Objective
from trimaran.training.engine import Engine, Objectives
from trimaran.training.execution import Execution
from trimaran.training.run import Parts, strange_row
from trimaran.training.settings import Training

OBJECTIVE = Objective({"output": Loss("mse")})


@dataclass
class Fussy:
    needs_two_rows: bool


def parts(rows: int, fussy: bool, **settings: Any) -> Parts:
    train = Rows(
        {"x": np.zeros((rows, 2), np.float32)}, {"output": np.zeros(rows)}, None, np.arange(rows)
    )
    engine = cast(Engine, Fussy(fussy))
    both = Objectives(OBJECTIVE, OBJECTIVE)
    return Parts(engine, both, {"train": train}, Training.from_json(settings), Execution())


@pytest.mark.parametrize(("fussy", "sizes"), [(False, [16, 16, 1]), (True, [16, 17])])
def test_a_lonely_last_row_joins_where_it_would_teach_nothing(
    fussy: bool, sizes: list[int]
) -> None:
    assert [len(index) for index in parts(33, fussy, batch_size=16).order(0)] == sizes


def test_the_horizon_counts_updates() -> None:
    horizon = parts(70, False, batch_size=8, accumulate=4, epochs=5).horizon
    assert (horizon.per_epoch, horizon.steps) == (3, 15)


def test_a_row_that_is_not_finite_is_found() -> None:
    values = np.zeros((6, 2), np.float32)
    values[4, 1] = np.nan
    split = Rows({"input": values}, {"output": np.zeros(6)}, None, np.arange(6) + 100)
    assert strange_row(split.take(np.array([5, 4]))) == 104
    assert strange_row(split.take(np.array([5, 3]))) is None
