"""The rungs that need no training: initial weights, forward pass, loss, gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from trimaran.backends.protocol import Gradients, Network
from trimaran.comparison import rounding
from trimaran.comparison.deviation import Deviation, by_layer
from trimaran.comparison.problem import Problem
from trimaran.comparison.rounding import Bound
from trimaran.comparison.rung import TOLERANCES, Rung
from trimaran.comparison.side import Side


def answers(problem: Problem, truth: Side, other: Side) -> Iterator[Rung]:
    """init, forward, loss and gradients of one pair."""
    a, b = (
        side.build(problem.model, problem.weights, problem.precision) for side in (truth, other)
    )

    def rung(name: str, found: Deviation, bound: Bound) -> Rung:
        ok, pair = found.value <= bound.value, (truth.name, other.name)
        layer = "" if ok else found.first_layer
        return Rung(
            name, pair, problem.precision, bound.value, found.value, ok, layer, bound.note
        )  # fmt: skip

    yield rung("init", _init(problem, a, b), Bound(0.0))
    forward = _forward(problem, a, b, problem)
    yield rung("forward", forward, _forward_bound(problem, truth, a, forward))
    own = _derivatives(problem, a)
    loss, gradients = _derived(problem, own, _derivatives(problem, b))
    yield rung("loss", loss, _loss_bound(problem, truth, own, loss))
    bound = _gradients_bound(problem, truth, own, (forward, gradients))
    if other.engine is None:
        bound = replace(bound, note=f"{bound.note} {_ENDS.format(other.name)}".strip())
    yield rung("gradients", gradients, bound)


_ENDS = "The ladder of {} ends here: it gives answers and gradients, and does not train."


def _forward_bound(problem: Problem, truth: Side, network: Network, found: Deviation) -> Bound:
    """The fixed tolerance, or in float32 what rounding excuses."""
    tolerance = TOLERANCES[problem.precision]
    if problem.precision == "float64" or found.value <= tolerance:
        return Bound(tolerance)

    def compare(exact: Network, own: Problem) -> Deviation:
        return _forward(problem, exact, network, own)

    excused = rounding.exact(problem, truth, compare)
    return excused if found.value <= excused.value else Bound(tolerance)


def _loss_bound(problem: Problem, truth: Side, own: Gradients, found: Deviation) -> Bound:
    """As `_forward_bound`: the loss is what the forward pass ends in."""
    tolerance = TOLERANCES[problem.precision]
    if problem.precision == "float64" or found.value <= tolerance:
        return Bound(tolerance)

    def compare(exact: Network, double: Problem) -> Deviation:
        return _derived(problem, _derivatives(double, exact), own)[0]

    excused = rounding.exact(problem, truth, compare)
    return excused if found.value <= excused.value else Bound(tolerance)


def _gradients_bound(
    problem: Problem, truth: Side, own: Gradients, found: tuple[Deviation, Deviation]
) -> Bound:
    """As `_forward_bound`; `found` is how far the forward passes and the gradients are apart."""
    tolerance, (forward, gradients) = TOLERANCES[problem.precision], found
    if problem.precision == "float64" or gradients.value <= tolerance:
        return Bound(tolerance)

    def compare(copy: Network) -> Deviation:
        return _derived(problem, own, _derivatives(problem, copy))[1]

    excused = rounding.gradients(problem, truth, forward.value, compare)
    return excused if gradients.value <= excused.value else Bound(tolerance)


def _paths(problem: Problem) -> list[str]:
    return list(dict.fromkeys(leaf.path for leaf in problem.model.leaves))


def _init(problem: Problem, truth: Network, other: Network) -> Deviation:
    """Weights that went there and back must be the very same."""
    return by_layer(other.weights(), truth.weights(), _paths(problem), 0.0, together=False)


def _forward(problem: Problem, truth: Network, other: Network, own: Problem) -> Deviation:
    """Every layer's output, in inference and in training mode, with the first step's masks; `own`
    is the problem in the precision of `truth`."""
    tolerance, worst = TOLERANCES[problem.precision], Deviation(0.0)
    inputs, paths = (problem.batch()[0], own.batch()[0]), _paths(problem)
    for training, masks in ((False, {}), (True, problem.masks(1))):
        a = truth.forward(inputs[1], paths, training, masks)
        b = other.forward(inputs[0], paths, training, masks)
        found = by_layer(b.taps, a.taps, paths, tolerance, together=False)
        if found.value > worst.value:
            worst = found
    return worst


def _derivatives(problem: Problem, network: Network) -> Gradients:
    return network.gradients(*problem.batch(), problem.objectives.train.losses)


def _derived(problem: Problem, a: Gradients, b: Gradients) -> tuple[Deviation, Deviation]:
    """How far the losses and the gradients are apart."""
    tolerance = TOLERANCES[problem.precision]
    apart = abs(b.loss - a.loss) / max(abs(a.loss), 1e-300)
    backward = list(reversed(_paths(problem)))
    # The gradients that reach the inputs are blamed on the layer that they leave last.
    last = f"{backward[-1]}.input"
    found = {**b.parameters, **{f"{last} {name}": g for name, g in b.inputs.items()}}
    wanted = {**a.parameters, **{f"{last} {name}": g for name, g in a.inputs.items()}}
    worst = by_layer(found, wanted, backward, tolerance, together=True)
    return Deviation(apart, "" if apart <= tolerance else backward[0]), worst
