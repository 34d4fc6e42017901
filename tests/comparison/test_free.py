"""The free run is judged by a bound where rounding does not grow, else by controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from trimaran import zoo
from trimaran.comparison.controls import Controls, Weights
from trimaran.comparison.free import SHALLOW, Ran, depth, free, held, looks
from trimaran.comparison.problem import Problem, invented
from trimaran.comparison.rung import Rung
from trimaran.steps.parity import small
from trimaran.training.settings import Training


def problem(name: str, optimizer: object = "adam", precision: str = "float64") -> Problem:
    model = small(name)
    rows, objective = invented(model, 4)
    training = Training.from_json({"optimizer": optimizer})
    return Problem(model, {}, rows, objective, training, precision)


def judged(given: Problem, apart: float, control: float) -> Rung:
    """The rung of a run that departs by `apart`, beside controls that depart by `control`."""
    controls = Controls(list, lambda rng, truth: (control,))
    return free(given, ("torch", "jax"), Ran((apart,), ((0.5,), (0.5,))), controls)


@pytest.mark.parametrize("name", ["perceptron", "xor-mlp", "mlp", "mnist-mlp", "mnist-mlp-128",
                                  "mlp-100-64-10", "mnist-cnn-small", "mnist-cnn"])  # fmt: skip
def test_no_control_excuses_a_shallow_network_under_adam(name: str) -> None:
    given = problem(name)
    found = judged(given, apart=1e-7, control=1e-3)
    assert (found.ok, found.tolerance) == (False, 1e-9)
    assert f"at most {SHALLOW} layers" in found.note and "no control" in found.note
    assert judged(given, apart=1e-10, control=0.0).ok


@pytest.mark.parametrize(
    "given",
    [
        problem("mnist-cnn", "sgd"),
        problem("mnist-cnn", {"name": "adam", "learning_rate": 0.1}),
        problem("mnist-cnn", precision="float32"),
        problem("resnet18"),
        replace(problem("mnist-cnn"), steps=101),
    ],
    ids=["sgd", "fast", "float32", "deep", "long"],
)
def test_elsewhere_twelve_controls_are_the_bound_and_it_says_why(given: Problem) -> None:
    assert not held(given)
    found = judged(given, apart=1e-4, control=1e-3)
    assert found.ok and found.tolerance == pytest.approx(1e-3)
    assert "Rounding alone" in found.note and "12 copies" in found.note
    assert not judged(given, apart=1e-2, control=1e-3).ok
    assert "99 copies" in judged(given, apart=1e-2, control=1e-3).note
    calm = judged(given, apart=0.0, control=1e-3)
    assert calm.ok and "no control was needed" in calm.note


def test_a_run_beyond_twelve_controls_is_judged_by_more() -> None:
    """Of thirteen equally valid runs, each is the farthest with equal chance."""
    given, runs = problem("resnet18"), []

    def run(rng: np.random.Generator, truth: Sequence[Weights]) -> tuple[float, ...]:
        runs.append(rng)
        return (1e-3 if len(runs) == 17 else 1e-5,)

    ran = Ran((1e-4,), ((0.5,), (0.5,)))
    found = free(given, ("torch", "jax"), ran, Controls(list, run))
    assert found.ok and len(runs) == 17 and "17 copies" in found.note


def test_depth_counts_what_has_a_matrix() -> None:
    assert depth(small("mnist-cnn")) == 4
    assert depth(zoo.build("resnet18", (32, 32, 3), 10)) == 21  # three of them shortcuts


def test_looks_are_dense_at_first_and_never_many() -> None:
    assert looks(3) == [1, 2, 3]
    assert looks(100)[:10] == list(range(1, 11)) and looks(100)[-1] == 100
    assert len(looks(10_000)) <= 36
