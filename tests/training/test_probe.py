"""A measuring process: what it is told comes through whole, and what goes wrong is an answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trimaran import zoo
from trimaran.comparison.problem import invented
from trimaran.files import read_json
from trimaran.training.probe import ANSWER, OUTPUTS, Ready, Refusal, Task, measure
from trimaran.weights import draw


@pytest.fixture
def task() -> Task:
    model = zoo.build("xor-mlp")
    rows, goal = invented(model, 4)
    inputs, targets = {"input": rows.floats()}, dict(rows.targets)
    return Task("torch", "eager", model, draw(model, 0), inputs, targets, goal, 1, 0.001)


def test_a_task_comes_through_whole(task: Task, tmp_path: Path) -> None:
    task.write(tmp_path)
    read = Task.read(tmp_path)
    assert (read.model, read.kind) == (task.model, task.kind)
    assert read.objective.losses == task.objective.losses
    for name in ("weights", "inputs", "targets"):
        given, found = getattr(task, name), getattr(read, name)
        assert list(given) == list(found)
        assert all(np.array_equal(given[key], found[key]) for key in given)


def test_a_graph_is_measured(task: Task, tmp_path: Path) -> None:
    order: list[str] = []

    def ready(task: Task) -> Ready:
        def train() -> float:
            order.append("train")
            return 2.5

        return Ready(
            lambda: order.append("infer") or 7.0,
            lambda found: {"output": np.array([found])},
            train,
            lambda: order.append("between"),
        )

    task.write(tmp_path)
    measure(tmp_path, ready)
    found = read_json(tmp_path / ANSWER)
    assert found["loss"] == 2.5 and found["made"] >= 0
    assert len(found["infer"]["calls"]) == order.count("infer")
    assert order.index("between") == order.count("infer")
    with np.load(tmp_path / OUTPUTS, allow_pickle=False) as arrays:
        assert arrays["output"] == [7.0]


@pytest.mark.parametrize(
    ("error", "told", "trace"),
    [(Refusal("no compiler here"), "no compiler here", False),
     (ValueError("first\nsecond"), "ValueError: first", True)],
)  # fmt: skip
def test_what_fails_is_an_answer(
    task: Task, tmp_path: Path, error: Exception, told: str, trace: bool
) -> None:
    def ready(task: Task) -> Ready:
        raise error

    task.write(tmp_path)
    measure(tmp_path, ready)
    found = read_json(tmp_path / ANSWER)
    assert found["failed"] == told and ("traceback" in found) == trace
