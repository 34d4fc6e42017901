"""Kinds of graph: the same answers, and when compiling has paid back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from trimaran.comparison.graphs import TOLERANCE, Measured, deviation, judge, payback, pays, row
from trimaran.training.probe import Graph

TRUTH = {"output": np.array([[0.1, 0.9], [0.6, 0.4]], np.float32)}


def answer(made: float, steady: float, extra: float, memory: int = 100) -> dict[str, Any]:
    """What a process says that took so long."""
    call = {"steady": steady, "extra": extra, "calls": [steady]}
    return {"made": made, "infer": call, "train": call, "loss": 2.0, "memory": memory}


def graph(name: str, *answers: dict[str, Any], off: float = 0.0) -> Measured:
    outputs = tuple({"output": TRUTH["output"] + np.float32(off)} for _ in answers)
    return Measured("torch", Graph(name, "about"), answers, outputs)


EAGER = graph("eager", answer(0.0, 0.010, 0.0), answer(0.0, 0.012, 0.0))


@pytest.mark.parametrize(
    ("one", "eager", "steps"),
    [
        ((5.0, 0.005), (0.0, 0.010), 1000),
        ((5.0, 0.005), (1.0, 0.010), 800),
        ((0.0, 0.005), (1.0, 0.010), 0),
        ((5.0, 0.010), (0.0, 0.010), None),
        ((5.0, 0.020), (0.0, 0.010), None),
        ((0.0, 0.020), (0.0, 0.010), None),
    ],
)
def test_payback_is_where_the_sums_meet(
    one: tuple[float, float], eager: tuple[float, float], steps: int | None
) -> None:
    found = payback(one, eager)
    assert found == steps
    if steps:  # the sums, counted out
        spent = [c + (steps + d) * s for c, s in (one, eager) for d in (0, -1)]
        assert spent[0] <= spent[2] + 1e-9 and spent[1] > spent[3] - 1e-9


def test_a_row_tells_medians_ranges_and_payback() -> None:
    one = graph("compiled", answer(1.0, 0.004, 2.0), answer(1.0, 0.006, 4.0))
    found = row(one, EAGER, TRUTH)
    assert found["ok"] and found["deviation"] == 0.0 and found["loss_deviation"] == 0.0
    step = found["step"]
    assert step["steady"] == {"median": 0.005, "low": 0.004, "high": 0.006, "runs": 2}
    assert step["compile"]["median"] == 4.0
    assert step["pays"]["median"] == math.ceil(4.0 / (0.011 - 0.005))
    assert step["pays"]["best"] == math.ceil(3.0 / (0.012 - 0.004))
    assert step["pays"]["worst"] == math.ceil(5.0 / (0.010 - 0.006))
    assert step["pays"]["faster"] == pytest.approx(2.2)
    assert row(EAGER, EAGER, TRUTH)["step"]["pays"] is None


def test_never_and_not_shown_are_told_apart() -> None:
    def told(steady: tuple[float, float, float]) -> str:
        low, middle, high = steady
        one = {"compile": {"median": 1.0, "low": 1.0, "high": 1.0},
               "steady": {"median": middle, "low": low, "high": high}}  # fmt: skip
        base = {"compile": {"median": 0.0, "low": 0.0, "high": 0.0},
                "steady": {"median": 0.010, "low": 0.009, "high": 0.011}}  # fmt: skip
        # 1 s over 4 ms a call is 250 calls, and one more by rounding.
        return str(pays(one, base)["text"])

    assert told((0.020, 0.020, 0.020)) == "never: a call takes 2.00 times as long"
    assert told((0.008, 0.012, 0.020)).startswith("not shown: ")
    assert told((0.005, 0.005, 0.005)) == "200 calls (167 to 251)"
    assert told((0.005, 0.005, 0.010)) == "200 calls (167 to never)"


def test_other_answers_are_found_and_named() -> None:
    wrong = row(graph("compiled", answer(1, 0.004, 2), off=1e-3), EAGER, TRUTH)
    assert wrong["ok"] is False and wrong["deviation"] > TOLERANCE
    ok, verdict = judge([row(EAGER, EAGER, TRUTH), wrong])
    assert not ok and "compiled on torch departs" in verdict
    ok, verdict = judge([row(EAGER, EAGER, TRUTH)])
    assert ok and "The same answers" in verdict


def test_an_eager_run_unlike_the_first_backends_is_found() -> None:
    other = {"output": TRUTH["output"][::-1]}
    assert row(EAGER, EAGER, other)["ok"] is False


def test_missing_outputs_and_other_shapes_are_no_agreement() -> None:
    assert deviation([{}], TRUTH) == math.inf
    assert deviation([], TRUTH) == math.inf
    assert deviation([{"output": TRUTH["output"][:1]}], TRUTH) == math.inf
    assert deviation([{"output": TRUTH["output"] * np.nan}], TRUTH) == math.inf


def test_a_kind_that_cannot_run_says_why_and_is_not_judged() -> None:
    failed = Measured("torch", Graph("compiled", "about"), ({"failed": "no compiler"},), ({},))
    found = row(failed, EAGER, TRUTH)
    assert found["failed"] == "no compiler" and found["ok"] is None
    ok, verdict = judge([row(EAGER, EAGER, TRUTH), found])
    assert ok and "1 could not run here" in verdict
    assert judge([found])[0] is False


def test_exported_graphs_have_no_training_step() -> None:
    one = answer(1.0, 0.004, 2.0)
    del one["train"], one["loss"]
    found = row(graph("exported", one), EAGER, TRUTH)
    assert found["step"] is None and found["batch"]["pays"]["median"] == math.ceil(3 / 0.007)
