"""What the optimizers of `training.optimizers` share, and those without adaptive moments.

An optimizer is defined once, over an array namespace: NumPy's is the reference, and a backend
without a kernel of its own runs the very same lines on its tensors. Semantics are torch's (where
epsilon stands, rate outside the momentum), default arguments are Keras's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from trimaran.training.naming import require

Array = Any
"""An array of the namespace `xp`: NumPy's, PyTorch's, or that of keras.ops."""
Slots = dict[str, Array]
Numbers = Mapping[str, Any]
"""What an update takes besides arrays ("rate", bias corrections), computed in double precision."""
Updated = tuple[Array, Slots]


class Rule:
    """Base of the optimizers. Slots start at zero, except Adagrad's."""

    learning_rate: float
    weight_decay: float
    slots: ClassVar[tuple[str, ...]]

    def slots_used(self) -> tuple[str, ...]:
        """The slots that these settings need."""
        return self.slots

    def numbers(self, rate: float, t: int) -> dict[str, float]:
        """The numbers of update t (from 1) at a learning rate."""
        return {"rate": rate}

    def update(self, xp: Any, w: Array, g: Array, slots: Slots, n: Numbers) -> Updated:
        """The new weight and slots from a weight, its gradient and its slots."""
        raise NotImplementedError

    def formula(self, w: Array, g: Array, slots: Slots, rate: float, t: int) -> Updated:
        """`update` in NumPy, as update number t."""
        return self.update(np, w, g, slots, self.numbers(rate, t))


def sound(given: Any) -> None:
    """Hold what every optimizer's settings must hold."""
    rate, decay = given.learning_rate, given.weight_decay
    require(np.isfinite(rate) and rate >= 0, "learning_rate", rate, "a finite number >= 0")
    require(np.isfinite(decay) and decay >= 0, "weight_decay", decay, "a finite number >= 0")
    epsilon = getattr(given, "epsilon", 1.0)
    require(epsilon > 0, "epsilon", epsilon, "above 0")


def share(what: str, value: float) -> None:
    """Hold that a decay lies in [0, 1)."""
    require(0 <= value < 1, what, value, "in [0, 1)")


@dataclass(frozen=True)
class SGD(Rule):
    """Stochastic gradient descent with (Nesterov) momentum.

        g += weight_decay * w;  b = momentum * b + g;  w -= rate * (g + momentum * b  or  b)

    H. Robbins, S. Monro, "A stochastic approximation method", 1951; B. Polyak, "Some methods of
    speeding up the convergence of iteration methods", 1964; the Nesterov form as in I. Sutskever
    et al., "On the importance of initialization and momentum in deep learning", ICML 2013.
    """

    learning_rate: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    slots: ClassVar[tuple[str, ...]] = ("momentum",)

    def __post_init__(self) -> None:
        sound(self)
        share("momentum", self.momentum)
        require(not self.nesterov or self.momentum > 0, "momentum", self.momentum, "above 0")

    def slots_used(self) -> tuple[str, ...]:
        return self.slots if self.momentum else ()

    def update(self, xp: Any, w: Array, g: Array, slots: Slots, n: Numbers) -> Updated:
        g = g + self.weight_decay * w
        if not self.momentum:
            return w - n["rate"] * g, {}
        b = self.momentum * slots["momentum"] + g
        return w - n["rate"] * (g + self.momentum * b if self.nesterov else b), {"momentum": b}


@dataclass(frozen=True)
class RMSProp(Rule):
    """Divides the gradient by a running root mean square, optionally of its centered part.

        g += weight_decay * w;  v = rho v + (1 - rho) g²;  a = rho a + (1 - rho) g  if centered
        u = g / (sqrt(v - a²  or  v) + epsilon);  b = momentum b + u;  w -= rate * b

    T. Tieleman, G. Hinton, Coursera lecture 6.5, 2012; centered: A. Graves, "Generating sequences
    with recurrent neural networks", 2013.
    """

    learning_rate: float = 1e-3
    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    centered: bool = False
    weight_decay: float = 0.0
    slots: ClassVar[tuple[str, ...]] = ("variance", "mean", "momentum")

    def __post_init__(self) -> None:
        sound(self)
        share("rho", self.rho)
        share("momentum", self.momentum)

    def slots_used(self) -> tuple[str, ...]:
        used = {"variance": True, "mean": self.centered, "momentum": self.momentum > 0}
        return tuple(slot for slot in self.slots if used[slot])

    def update(self, xp: Any, w: Array, g: Array, slots: Slots, n: Numbers) -> Updated:
        g = g + self.weight_decay * w
        new = {"variance": self.rho * slots["variance"] + (1 - self.rho) * g * g}
        spread = new["variance"]
        if self.centered:
            new["mean"] = self.rho * slots["mean"] + (1 - self.rho) * g
            spread = spread - new["mean"] * new["mean"]
        change = g / (xp.sqrt(spread) + self.epsilon)
        if self.momentum:
            change = new["momentum"] = self.momentum * slots["momentum"] + change
        return w - n["rate"] * change, new


@dataclass(frozen=True)
class Adagrad(Rule):
    """Divides the gradient by the root of the sum of all its squares so far.

        g += weight_decay * w;  a += g²;  w -= rate * g / (sqrt(a) + epsilon)

    The sum starts at `initial_accumulator_value`. J. Duchi, E. Hazan, Y. Singer, "Adaptive
    subgradient methods for online learning and stochastic optimization", JMLR 12, 2011.
    """

    learning_rate: float = 1e-3
    initial_accumulator_value: float = 0.1
    epsilon: float = 1e-7
    weight_decay: float = 0.0
    slots: ClassVar[tuple[str, ...]] = ("sum",)

    def __post_init__(self) -> None:
        sound(self)
        start = self.initial_accumulator_value
        require(start >= 0, "initial_accumulator_value", start, "at least 0")

    def update(self, xp: Any, w: Array, g: Array, slots: Slots, n: Numbers) -> Updated:
        g = g + self.weight_decay * w
        total = slots["sum"] + g * g
        return w - n["rate"] * g / (xp.sqrt(total) + self.epsilon), {"sum": total}


@dataclass(frozen=True)
class Adadelta(Rule):
    """Steps in units of the parameter: the ratio of two running root mean squares.

        g += weight_decay * w;  v = rho v + (1 - rho) g²;  d = sqrt((a + eps) / (v + eps)) * g
        a = rho a + (1 - rho) d²;  w -= rate * d

    M. Zeiler, "ADADELTA: an adaptive learning rate method", 2012, algorithm 1.
    """

    learning_rate: float = 1e-3
    rho: float = 0.95
    epsilon: float = 1e-7
    weight_decay: float = 0.0
    slots: ClassVar[tuple[str, ...]] = ("variance", "change")

    def __post_init__(self) -> None:
        sound(self)
        share("rho", self.rho)

    def update(self, xp: Any, w: Array, g: Array, slots: Slots, n: Numbers) -> Updated:
        g = g + self.weight_decay * w
        v = self.rho * slots["variance"] + (1 - self.rho) * g * g
        d = xp.sqrt(slots["change"] + self.epsilon) / xp.sqrt(v + self.epsilon) * g
        a = self.rho * slots["change"] + (1 - self.rho) * d * d
        return w - n["rate"] * d, {"variance": v, "change": a}


@dataclass(frozen=True)
class Lion(Rule):
    """The sign of an interpolated momentum, with decoupled weight decay.

        w *= 1 - rate * weight_decay;  w -= rate * sign(b1 m + (1 - b1) g);  m = b2 m + (1 - b2) g

    X. Chen et al., "Symbolic discovery of optimization algorithms", 2023, program 1.
    """

    learning_rate: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.99
    weight_decay: float = 0.0
    slots: ClassVar[tuple[str, ...]] = ("mean",)

    def __post_init__(self) -> None:
        sound(self)
        share("beta_1", self.beta_1)
        share("beta_2", self.beta_2)

    def update(self, xp: Any, w: Array, g: Array, slots: Slots, n: Numbers) -> Updated:
        w = w * (1 - n["rate"] * self.weight_decay)
        change = xp.sign(self.beta_1 * slots["mean"] + (1 - self.beta_1) * g)
        mean = self.beta_2 * slots["mean"] + (1 - self.beta_2) * g
        return w - n["rate"] * change, {"mean": mean}
