"""The chain rule made visible: δ and ∂L/∂W of each layer by the chapter's equations (§III).

The reference computes them from the equations. Beside them stand a backend's automatic
differentiation, and central finite differences of the loss, (L(w + h) - L(w - h)) / 2h, at some
entries of each array. All three are derivatives of one loss on one batch, in float64.

Where w lies on a kink of ReLU or max-pooling, the differences to its left and right stay apart
however small h is, and the derivative is one of them by convention. With biases of zero that is
common: most border pixels of MNIST make pre-activations of exactly 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trimaran.backends.protocol import Backend, Gradients, Network
from trimaran.explain.drawing import grid
from trimaran.spec import Leaf, Model

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]

STEPS = (1e-5, 1e-6, 1e-7)
"""h of the finite differences: about the cube root of float64's precision, where their error is
least, then smaller ones to step clear of a kink nearby."""

AGREE = 1e-4
"""Left and right differences that depart by more than this share of the array's largest gradient
have a kink between them."""


@dataclass(frozen=True)
class Batch:
    """Rows, their targets, and a `tasks.Loss` for each output."""

    inputs: Arrays
    targets: Arrays
    losses: Mapping[str, Any]


@dataclass(frozen=True)
class ParameterRow:
    """∂L/∂W of one array. Deviations are relative to its largest entry.

    Of the `entries` at which finite differences were taken, `kinks` lie on a kink; there the nearer
    of the left and the right difference counts.
    """

    key: str
    norm: float
    from_autograd: float
    from_differences: float
    entries: int
    kinks: int


@dataclass(frozen=True)
class LayerRow:
    """One leaf: the norm of its δ = ∂L/∂output over the batch (None for a peeled head), how far
    automatic differentiation departs from it (None where it does not show it), and its arrays."""

    path: str
    kind: str
    shape: tuple[int | None, ...]
    delta: float | None
    from_autograd: float | None
    parameters: tuple[ParameterRow, ...]


@dataclass(frozen=True)
class Backprop:
    """Everything that one backward pass says."""

    model: Model
    loss: float
    loss_from_autograd: float
    rows: tuple[LayerRow, ...]
    inputs: Mapping[str, float]

    @property
    def worst_autograd(self) -> float:
        """The largest deviation of automatic differentiation from the equations."""
        deltas = [row.from_autograd or 0.0 for row in self.rows]
        return max(deltas + [p.from_autograd for row in self.rows for p in row.parameters])

    @property
    def worst_differences(self) -> float:
        """The largest deviation of the finite differences from the equations."""
        return max((p.from_differences for row in self.rows for p in row.parameters), default=0.0)

    def to_json(self) -> dict[str, Any]:
        """The numbers, of a stable shape."""
        return {
            "model": self.model.name,
            "loss": self.loss,
            "worst": {"autograd": self.worst_autograd, "differences": self.worst_differences},
            "inputs": dict(self.inputs),
            "layers": [asdict(row) for row in self.rows],
        }


def backprop(
    model: Model,
    weights: Arrays,
    batch: Batch,
    reference: Backend,
    autograd: Backend,
    samples: int = 4,
    seed: int = 0,
) -> Backprop:
    """Gradients by the equations beside `autograd`'s and finite differences.

    Args:
        samples: entries of each array at which finite differences are taken.
        seed: chooses those entries.
    """
    taps = tuple(dict.fromkeys(leaf.path for leaf in model.leaves))
    mine = _gradients(reference.build(model, weights, "float64"), batch, taps)
    theirs = _gradients(autograd.build(model, weights, "float64"), batch, taps)
    rng = np.random.default_rng(seed)
    slopes = _Differences(model, weights, batch, reference, mine.loss, rng, samples)
    seen: set[str] = set()
    rows = [_row(leaf, mine, theirs, slopes) for leaf in model.leaves if _new(leaf, seen)]
    inputs = {name: norm(array) for name, array in mine.inputs.items()}
    return Backprop(model, mine.loss, theirs.loss, tuple(rows), inputs)


@dataclass(frozen=True)
class _Differences:
    """Finite differences of the reference's loss, which is `loss` at the weights themselves."""

    model: Model
    weights: Arrays
    batch: Batch
    backend: Backend
    loss: float
    rng: np.random.Generator
    samples: int

    def compare(self, key: str, gradient: Array) -> tuple[float, int, int]:
        """The largest deviation of sampled entries, how many they are, and how many kinks."""
        entries = self.rng.permutation(gradient.size)[: self.samples]
        size, flat = scale(gradient), gradient.ravel()
        found = [self._slopes(key, int(at), size) for at in entries]
        departs = [
            min(abs(slope - float(flat[at])) for slope in slopes)
            for at, slopes in zip(entries, found, strict=True)
        ]
        return max(departs, default=0.0) / size, len(entries), sum(len(s) > 1 for s in found)

    def _slopes(self, key: str, at: int, size: float) -> tuple[float, ...]:
        """The central difference; or left and right, where no step brings them together."""
        left = right = 0.0
        for step in STEPS:
            left = (self.loss - self._moved(key, at, -step)) / step
            right = (self._moved(key, at, step) - self.loss) / step
            if abs(right - left) <= AGREE * size:
                return ((left + right) / 2,)
        return left, right

    def _moved(self, key: str, at: int, step: float) -> float:
        moved = np.array(self.weights[key], dtype=np.float64)
        moved.reshape(-1)[at] += step
        network = self.backend.build(self.model, {**self.weights, key: moved}, "float64")
        return _gradients(network, self.batch, ()).loss


def _gradients(network: Network, batch: Batch, taps: tuple[str, ...]) -> Gradients:
    return network.gradients(batch.inputs, batch.targets, batch.losses, taps)


def _new(leaf: Leaf, seen: set[str]) -> bool:
    """Whether the path was not met before: a shared layer has one row."""
    new = leaf.path not in seen
    seen.add(leaf.path)
    return new


def _row(leaf: Leaf, mine: Gradients, theirs: Gradients, slopes: _Differences) -> LayerRow:
    keys = [f"{leaf.path}.{p.name}" for p in leaf.layer.parameters(*leaf.in_shapes) if p.trainable]
    parameters = tuple(_parameter(key, mine, theirs, slopes) for key in keys)
    kind, shape = type(leaf.layer).__name__, leaf.out_shape
    delta, other = mine.taps.get(leaf.path), theirs.taps.get(leaf.path)
    if delta is None:
        return LayerRow(leaf.path, kind, shape, None, None, parameters)
    departs = None if other is None else deviation(other, delta)
    return LayerRow(leaf.path, kind, shape, norm(delta), departs, parameters)


def _parameter(key: str, mine: Gradients, theirs: Gradients, slopes: _Differences) -> ParameterRow:
    gradient = mine.parameters[key]
    differences, entries, kinks = slopes.compare(key, gradient)
    autograd = deviation(theirs.parameters[key], gradient)
    return ParameterRow(key, norm(gradient), autograd, differences, entries, kinks)


def norm(array: Array) -> float:
    """The Euclidean norm of all entries."""
    return float(np.sqrt(np.sum(np.square(array, dtype=np.float64))))


def scale(array: Array) -> float:
    """The largest entry, by which deviations are divided; at least 1e-8, for an array that is zero
    but for rounding, such as the gradient of a bias before a batch normalization."""
    return max(float(np.abs(array).max(initial=0.0)), 1e-8)


def deviation(found: Array, expected: Array) -> float:
    """The largest difference, relative to the largest entry expected."""
    return float(np.abs(found - expected).max(initial=0.0)) / scale(expected)


def table(result: Backprop) -> str:
    """The rows as text, loss first."""
    head = ("layer", "output", "|δ|", "∂L/∂", "norm", "autograd", "differences")
    rows: list[tuple[str, ...]] = [head]
    for row in result.rows:
        delta = "taken off" if row.delta is None else f"{row.delta:.3e}"
        first = (row.path, _shape(row.shape), delta)
        departs = "" if row.from_autograd is None else f"{row.from_autograd:.1e}"
        rows.append((*first, "", "", departs, ""))
        for p in row.parameters:
            cells = (f"{p.norm:.3e}", f"{p.from_autograd:.1e}", f"{p.from_differences:.1e}")
            rows.append(("", "", "", p.key.rpartition(".")[2], *cells))
    return "\n".join(
        [
            f"{result.model.name}: L = {result.loss:.6f}, by automatic differentiation "
            f"{result.loss_from_autograd:.6f}",
            "",
            grid(rows),
            "",
            f"Largest deviation from the equations: {result.worst_autograd:.1e} by automatic "
            f"differentiation, {result.worst_differences:.1e} by finite differences.",
            *_kinks(result),
        ]
    )


def _kinks(result: Backprop) -> list[str]:
    parameters = [p for row in result.rows for p in row.parameters]
    kinks, entries = sum(p.kinks for p in parameters), sum(p.entries for p in parameters)
    if not kinks:
        return []
    return [
        f"{kinks} of the {entries} entries differenced lie on a kink of ReLU or max-pooling, where "
        "the nearer of the left and right differences counts; the slope of ReLU at 0 is 0 here, "
        "while the chapter's table says 1."
    ]


def _shape(shape: tuple[int | None, ...]) -> str:
    return "×".join("?" if n is None else str(n) for n in shape)
