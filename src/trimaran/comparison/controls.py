"""How far a run departs from itself: controls whose weights are moved by one ulp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from trimaran.comparison.deviation import by_norm
from trimaran.comparison.turns import Turns

CONTROLS, MOST = 12, 99
"""One control is no bound: it often shows 5e-7 where an equally valid run shows 1e-2. Nor are
twelve beyond doubt, since the largest of thirteen equally valid runs is each of them with equal
chance. So where a run departs further than all of them, more are run until one departs as far: an
equally valid run is called wrong once in a hundred (J. Besag & P. Clifford, "Sequential Monte Carlo
p-values", Biometrika 78, 1991)."""

Weights = dict[str, np.ndarray]
Ran = tuple[list[Weights], list[float]]


@dataclass(frozen=True)
class Controls:
    """The first backend's own free run, and runs of copies whose weights are moved by one ulp
    before every update, when they are asked for.

    Another backend rounds otherwise at every update. Copies moved only at the start departed by
    0.019 at most, of 20, on cifar10-cnn in float32; moved before each update by 0.061, and
    TensorFlow and JAX by 0.058 and 0.019.

    own: the undisturbed run;  run: one that is moved by what is drawn
    curves: the deviation of each moved copy that has run
    """

    own: Callable[[], Ran]
    run: Callable[[np.random.Generator], Ran]
    seed: int = 0
    count: int = CONTROLS
    curves: list[tuple[float, ...]] = field(default_factory=list)

    @cached_property
    def truth(self) -> Ran:
        """The weights after some updates of the undisturbed run, and all its losses."""
        return self.own()

    @cached_property
    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def ready(self, apart: float) -> Turns[None]:
        """Run as many as it takes to judge a run that departs so far, each at one go."""
        while len(self.curves) < self.count or (
            self.largest < apart and len(self.curves) < max(self.count, MOST)
        ):
            weights, _ = self.run(self._rng)
            self.curves.append(tuple(self.apart(weights)))
            yield

    @property
    def largest(self) -> float:
        """The largest deviation of any control at any step; when they are ready."""
        return max((max(curve) for curve in self.curves), default=0.0)

    def apart(self, found: Sequence[Weights]) -> list[float]:
        """The deviation from the undisturbed run after each look."""
        return [
            by_norm(weights, truth, [], np.inf).value
            for weights, truth in zip(found, self.truth[0], strict=True)
        ]

    def sentence(self) -> str:
        """Why the bound is what it is."""
        return (
            "Rounding alone tears such runs apart, so no fixed bound can judge them: "
            f"{len(self.curves)} copies of the first backend, with every weight moved by one ulp "
            f"before each update, departed from it by up to {self.largest:.1e}."
        )


def moved(weights: Weights, rng: np.random.Generator, by: float = 0.0) -> Weights:
    """Every float by a relative `by`, up or down; at least to a neighbour of it."""
    found = {}
    for key, values in weights.items():
        if values.dtype.kind != "f":
            found[key] = values
            continue
        sign = np.where(rng.random(values.shape) < 0.5, -1, 1).astype(values.dtype)
        found[key] = near = np.nextafter(values, sign * np.inf)
        if by:
            far = values + sign * np.abs(values) * values.dtype.type(by)
            found[key] = np.where(np.abs(far - values) > np.abs(near - values), far, near)
    return found
