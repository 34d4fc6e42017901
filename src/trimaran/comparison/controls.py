"""How far a run departs from itself: controls whose weights are moved by one ulp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from trimaran.comparison.deviation import by_norm, parts

CONTROLS, MOST = 12, 99
"""One control is no bound: it often shows 5e-7 where an equally valid run shows 1e-2. Nor are
twelve beyond doubt, since the largest of thirteen equally valid runs is each of them with equal
chance. So where a run departs further than all of them, more are run until one departs as far: an
equally valid run is called wrong once in a hundred (J. Besag & P. Clifford, "Sequential Monte Carlo
p-values", Biometrika 78, 1991)."""

Weights = dict[str, np.ndarray]


@dataclass(frozen=True)
class Controls:
    """Runs of copies of the first backend whose weights are moved by one ulp before every update,
    when they are asked for. Of each, how far it departs is kept and nothing else.

    Another backend rounds otherwise at every update. Copies moved only at the start departed by
    0.019 at most, of 20, on cifar10-cnn in float32; moved before each update by 0.061, and
    TensorFlow and JAX by 0.058 and 0.019.

    own: what the undisturbed run has for weights at each look
    run: how far a run departs from those that is moved by what is drawn, at each look
    curves: the deviation of each moved copy that has run
    """

    own: Callable[[], list[Weights]]
    run: Callable[[np.random.Generator, Sequence[Weights]], tuple[float, ...]]
    seed: int = 0
    count: int = CONTROLS
    curves: list[tuple[float, ...]] = field(default_factory=list)

    @cached_property
    def _truth(self) -> list[Weights]:
        return self.own()

    @cached_property
    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def ready(self, apart: float) -> None:
        """Run as many as it takes to judge a run that departs so far, one after another."""
        while len(self.curves) < self.count or (
            self.largest < apart and len(self.curves) < max(self.count, MOST)
        ):
            self.curves.append(self.run(self._rng, self._truth))

    @property
    def largest(self) -> float:
        """The largest deviation of any control at any step; when they are ready."""
        return max((max(curve) for curve in self.curves), default=0.0)

    def sentence(self) -> str:
        """Why the bound is what it is."""
        return (
            "Rounding alone tears such runs apart, so no fixed bound can judge them: "
            f"{len(self.curves)} copies of the first backend, with every weight moved by one ulp "
            f"before each update, departed from it by up to {self.largest:.1e}."
        )


def departure(found: Weights, truth: Weights) -> float:
    """How far weights of a free run are from the first side's."""
    return by_norm(found, truth, [], np.inf).value


def moved(weights: Weights, rng: np.random.Generator, by: float = 0.0) -> Weights:
    """Every float by a relative `by`, up or down; at least to a neighbour of it."""
    return {key: _moved(values, rng, by) for key, values in weights.items()}


def _moved(values: np.ndarray, rng: np.random.Generator, by: float) -> np.ndarray:
    if values.dtype.kind != "f":
        return values
    found = np.empty(values.shape, values.dtype)
    for new, old in parts(found, values):
        sign = np.where(rng.random(old.shape) < 0.5, -1, 1).astype(old.dtype)
        near = np.nextafter(old, sign * np.inf)
        new[...] = near
        if by:
            far = old + sign * np.abs(old) * old.dtype.type(by)
            np.copyto(new, far, where=np.abs(far - old) > np.abs(near - old))
    return found
