"""Vanishing and exploding gradients: deep networks that fail, and each remedy curing them (§III).

Backwards through a layer, δ is multiplied by Wᵀ and by the activation's derivative. A sigmoid's
is at most ¼, so through many layers δ shrinks to nothing; large weights let it grow without
bound. A case is a small deep network with one of the two ailments, or with one remedy added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import log10, sqrt
from typing import Any

import numpy.typing as npt

from trimaran.backends.protocol import Backend
from trimaran.explain.backprop import Batch, norm
from trimaran.explain.drawing import grid
from trimaran.spec import Input, Model, Symbol, functional
from trimaran.spec.initializers import Initializer, VarianceScaling
from trimaran.spec.layers import Activation, BatchNormalization, Dense

Array = npt.NDArray[Any]

GLOROT = VarianceScaling(1.0, "fan_avg", "uniform")
HE = VarianceScaling(2.0, "fan_in", "normal")
SIGMOID_SCALED = VarianceScaling(32.0, "fan_avg", "normal")
"""δ keeps its size through a sigmoid where Glorot's variance is divided by the mean of σ'(z)²: that
is 1/16 at z = 0, and about half of it for the spread of z that such weights make."""
LARGE = VarianceScaling(8.0, "fan_in", "normal")
"""Twice the standard deviation that He et al. 2015 ask for: δ doubles in every layer."""

VANISHED, EXPLODED = 1e-3, 1e2
"""First hidden layer's gradient over the last's, below which training stalls at the front; and
the gradient's global norm above which a plain step overshoots."""


@dataclass(frozen=True)
class Case:
    """One network, and how it is to be trained: plain SGD, with the gradient's global norm
    clipped to `clip` where given."""

    ailment: str
    remedy: str
    model: Model
    learning_rate: float = 0.3
    clip: float | None = None

    @property
    def name(self) -> str:
        """The line's name in the table and the drawing."""
        return self.remedy or f"{self.ailment}: no remedy"


@dataclass(frozen=True)
class Measured:
    """A case with its gradients before training, and its accuracy after.

    `norms` are |∂L/∂W| of each Dense layer in forward order, clipped where the case clips.
    """

    case: Case
    norms: tuple[float, ...]
    accuracy: float | None = None

    @property
    def ratio(self) -> float:
        """First hidden layer's norm over that of the last hidden one."""
        return self.norms[0] / max(self.norms[-2], 1e-300)

    @property
    def total(self) -> float:
        """The global norm."""
        return sqrt(sum(n * n for n in self.norms))

    @property
    def verdict(self) -> str:
        """ "vanishing", "exploding" or "sound"."""
        if not self.total < EXPLODED:
            return "exploding"
        return "vanishing" if self.ratio < VANISHED else "sound"

    def to_json(self) -> dict[str, Any]:
        """The numbers, of a stable shape."""
        found = {k: v for k, v in asdict(self).items() if k != "case"}
        names = {"ailment": self.case.ailment, "remedy": self.case.remedy}
        return {**names, **found, "ratio": self.ratio, "total": self.total, "verdict": self.verdict}


Train = Callable[[Case, Mapping[str, Array]], float]
"""Trains a case from these weights for a short while; gives its accuracy on held-out rows."""


@dataclass(frozen=True)
class Deep:
    """A deep multilayer perceptron: `depth` hidden layers of `width` neurons."""

    features: int
    classes: int
    depth: int = 8
    width: int = 32

    def build(
        self,
        name: str,
        activation: str,
        initializer: Initializer,
        normalised: bool = False,
        residual: bool = False,
    ) -> Model:
        """Dense, perhaps a batch normalization, the activation, perhaps added to what came in."""
        x = start = Input((self.features,), name="input")
        for i in range(self.depth):
            y: Symbol = Dense(self.width, kernel_initializer=initializer, name=f"hidden{i + 1}")(x)
            y = BatchNormalization(momentum=0.9)(y) if normalised else y
            y = Activation(activation)(y)
            x = x + y if residual and i > 0 else y
        out = Dense(self.classes, kernel_initializer=GLOROT, name="last")(x)
        return functional(start, {"output": Activation("softmax")(out)}, name)


def cases(features: int, classes: int, depth: int = 8, width: int = 32) -> tuple[Case, ...]:
    """Both ailments without a remedy, and with each remedy that cures it."""
    deep = Deep(features, classes, depth, width)
    vanishing = Case("vanishing", "", deep.build("deep-sigmoid", "sigmoid", GLOROT))
    exploding = Case("exploding", "", deep.build("deep-large", "relu", LARGE), 0.2)
    return (
        vanishing,
        _cured(vanishing, "ReLU", deep.build("deep-relu", "relu", HE)),
        _cured(
            vanishing,
            "batch normalization",
            deep.build("deep-normalised", "sigmoid", GLOROT, normalised=True),
        ),
        _cured(
            vanishing,
            "residual connections",
            deep.build("deep-residual", "sigmoid", GLOROT, residual=True),
        ),
        _cured(vanishing, "initialisation", deep.build("deep-scaled", "sigmoid", SIGMOID_SCALED)),
        exploding,
        replace(exploding, remedy="clipping", clip=1.0),
        _cured(exploding, "initialisation", deep.build("deep-he", "relu", HE)),
        _cured(
            exploding,
            "batch normalization",
            deep.build("deep-large-normalised", "relu", LARGE, normalised=True),
        ),
    )


def _cured(case: Case, remedy: str, model: Model) -> Case:
    return replace(case, remedy=remedy, model=model)


def study(
    cases: Sequence[Case],
    batch: Batch,
    backend: Backend,
    draw: Callable[[Model], Mapping[str, Array]],
    train: Train | None = None,
) -> tuple[Measured, ...]:
    """Each case's gradients on the batch at its initial weights, and its accuracy after `train`."""
    return tuple(_measure(case, batch, backend, draw(case.model), train) for case in cases)


def _measure(
    case: Case,
    batch: Batch,
    backend: Backend,
    weights: Mapping[str, Array],
    train: Train | None,
) -> Measured:
    network = backend.build(case.model, weights, "float64")
    found = network.gradients(batch.inputs, batch.targets, batch.losses)
    dense = [leaf.path for leaf in case.model.leaves if isinstance(leaf.layer, Dense)]
    norms = tuple(norm(found.parameters[f"{path}.weight"]) for path in dense)
    whole = sqrt(sum(norm(gradient) ** 2 for gradient in found.parameters.values()))
    shrink = 1.0 if case.clip is None else min(1.0, case.clip / max(whole, 1e-300))
    accuracy = None if train is None else train(case, weights)
    return Measured(case, tuple(n * shrink for n in norms), accuracy)


def table(results: Sequence[Measured]) -> str:
    """A line per case: norms of the first and last hidden layer, their ratio, the accuracy."""
    head = ("case", "first |∂L/∂W|", "last hidden", "ratio", "global", "accuracy", "verdict")
    rows: list[tuple[str, ...]] = [head]
    for r in results:
        accuracy = "" if r.accuracy is None else f"{r.accuracy:.1%}"
        indent = "  + " if r.case.remedy else ""
        norms = (f"{r.norms[0]:.2e}", f"{r.norms[-2]:.2e}", f"{r.ratio:.1e}", f"{r.total:.1e}")
        rows.append((indent + r.case.name, *norms, accuracy, r.verdict))
    return grid(rows)


def decades(results: Sequence[Measured]) -> tuple[int, int]:
    """The powers of ten between which all norms lie."""
    logs = [log10(max(n, 1e-30)) for r in results for n in r.norms]
    low, high = int(min(logs) // 1), int(-(-max(logs) // 1))
    return low, max(high, low + 1)
