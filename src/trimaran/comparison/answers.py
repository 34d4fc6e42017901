"""The rungs that need no training: initial weights, forward pass, loss, gradients."""

from __future__ import annotations

from collections.abc import Iterator

from trimaran.backends.protocol import Network
from trimaran.comparison.deviation import Deviation, by_layer
from trimaran.comparison.problem import Problem
from trimaran.comparison.rung import TOLERANCES, Rung
from trimaran.comparison.side import Side


def answers(problem: Problem, truth: Side, other: Side) -> Iterator[Rung]:
    """init, forward, loss and gradients of one pair."""
    tolerance = TOLERANCES[problem.precision]
    pair = (truth.name, other.name)
    a, b = (
        side.build(problem.model, problem.weights, problem.precision) for side in (truth, other)
    )
    for name, found, bound in (
        ("init", _init(problem, a, b), 0.0),
        ("forward", _forward(problem, a, b, tolerance), tolerance),
        *_derivatives(problem, a, b, tolerance),
    ):
        yield Rung(
            name,
            pair,
            problem.precision,
            bound,
            found.value,
            found.value <= bound,
            found.first_layer,
        )


def _paths(problem: Problem) -> list[str]:
    return list(dict.fromkeys(leaf.path for leaf in problem.model.leaves))


def _init(problem: Problem, truth: Network, other: Network) -> Deviation:
    """Weights that went there and back must be the very same."""
    return by_layer(other.weights(), truth.weights(), _paths(problem), 0.0, together=False)


def _forward(problem: Problem, truth: Network, other: Network, tolerance: float) -> Deviation:
    """Every layer's output, in inference and in training mode, with the first step's masks."""
    inputs, _ = problem.batch()
    worst = Deviation(0.0)
    for training, masks in ((False, {}), (True, problem.masks(1))):
        a = truth.forward(inputs, _paths(problem), training, masks)
        b = other.forward(inputs, _paths(problem), training, masks)
        found = by_layer(b.taps, a.taps, _paths(problem), tolerance, together=False)
        if found.value > worst.value:
            worst = found
    return worst


def _derivatives(
    problem: Problem, truth: Network, other: Network, tolerance: float
) -> list[tuple[str, Deviation, float]]:
    inputs, targets = problem.batch()
    losses = problem.objectives.train.losses
    a = truth.gradients(inputs, targets, losses)
    b = other.gradients(inputs, targets, losses)
    apart = abs(b.loss - a.loss) / max(abs(a.loss), 1e-300)
    backward = list(reversed(_paths(problem)))
    # The gradients that reach the inputs are blamed on the layer that they leave last.
    last = f"{backward[-1]}.input"
    found = {**b.parameters, **{f"{last} {name}": g for name, g in b.inputs.items()}}
    wanted = {**a.parameters, **{f"{last} {name}": g for name, g in a.inputs.items()}}
    worst = by_layer(found, wanted, backward, tolerance, together=True)
    loss = Deviation(apart, "" if apart <= tolerance else backward[0])
    return [("loss", loss, tolerance), ("gradients", worst, tolerance)]
