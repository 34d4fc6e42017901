"""A corner of the optimizers' matrix: what the ladder's own tests leave at its defaults."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from tests.comparison.optimizers_matrix import (
    BATCH,
    OPTIMIZERS,
    TOLERANCE,
    apart,
    groups,
    network,
    table,
    trained,
)

from trimaran.comparison.deviation import relative
from trimaran.training.schedules import SCHEDULES

ALL = {
    "clip_norm": 0.1, "clip_value": 0.02, "schedule": {"name": "one-cycle", "warm_up": 5},
    "epochs": 2, "batch_size": BATCH,
}  # fmt: skip


@pytest.mark.parametrize("framework", ["tensorflow", "jax"])
@pytest.mark.parametrize(
    "name", ["SGD, Nesterov", "Adam, AMSGrad", "RMSProp, centered, momentum", "Muon"]
)
def test_forty_free_updates_are_the_same(framework: str, name: str) -> None:
    if find_spec("keras") is None or find_spec(framework) is None:
        pytest.skip(f'{framework} is not installed: pip install "trimaran[keras]"')
    block = {**ALL, "optimizer": {**OPTIMIZERS[name], "weight_decay": 0.1}}
    found = apart(network(), {"all": block}, ("torch", framework))
    assert found["all"] <= TOLERANCE


def test_another_decay_is_far_beyond_the_tolerance() -> None:
    """What the comparison above would see of a fault."""
    a, b = (
        trained("torch", network(), {"": {**ALL, "optimizer": {"name": "adam", "beta_2": beta}}})[
            ""
        ]
        for beta in (0.999, 0.9991)
    )
    assert max(relative(b[key], a[key]) for key in a) > 1e4 * TOLERANCE


def test_every_schedule_and_clip_has_a_column() -> None:
    columns = [column for blocks in groups({"name": "sgd"}, 1) for column in blocks]
    assert {*SCHEDULES} - {"constant"} < {*columns}
    assert {"as it is", "clip by value", "clip by norm", "weight decay"} < {*columns}
    cells = {"SGD": dict.fromkeys(columns, 1e-16)}
    assert table(cells).splitlines()[2].startswith("| SGD | 1e-16 |")
