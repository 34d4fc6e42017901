"""Optimizers, defined once: every backend's update must equal the formula here.

Semantics are torch's (where epsilon stands, rate outside the momentum), default arguments are
Keras's. A formula takes weight w, gradient g and slots as float64 arrays, the learning rate and
the number t of this update (from 1), and returns the new weight and slots. All slots start at
zero, except Adagrad's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from trimaran.training.naming import name_of, named, require

Array = np.ndarray
Slots = dict[str, Array]


@dataclass(frozen=True)
class SGD:
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
        _sound(self)
        require(0 <= self.momentum < 1, "momentum", self.momentum, "in [0, 1)")
        require(not self.nesterov or self.momentum > 0, "momentum", self.momentum, "above 0")

    def slots_used(self) -> tuple[str, ...]:
        return self.slots if self.momentum else ()

    def formula(self, w: Array, g: Array, slots: Slots, rate: float, t: int) -> tuple[Array, Slots]:
        g = g + self.weight_decay * w
        if not self.momentum:
            return w - rate * g, {}
        b = self.momentum * slots["momentum"] + g
        return w - rate * (g + self.momentum * b if self.nesterov else b), {"momentum": b}


@dataclass(frozen=True)
class Adam:
    """Adaptive moments; its weight decay is the classic L2 term, added to the gradient.

        m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g²
        w -= rate / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + epsilon)

    D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    """

    learning_rate: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    weight_decay: float = 0.0
    slots: ClassVar[tuple[str, ...]] = ("mean", "variance")

    def __post_init__(self) -> None:
        _sound(self)
        _sound_betas(self.beta_1, self.beta_2)

    def slots_used(self) -> tuple[str, ...]:
        return self.slots

    def formula(self, w: Array, g: Array, slots: Slots, rate: float, t: int) -> tuple[Array, Slots]:
        return _adam(self, w, g + self.weight_decay * w, slots, rate, t)


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay: first w *= 1 - rate * weight_decay, then Adam's update.

    I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 0.004
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    slots: ClassVar[tuple[str, ...]] = ("mean", "variance")

    def __post_init__(self) -> None:
        _sound(self)
        _sound_betas(self.beta_1, self.beta_2)

    def slots_used(self) -> tuple[str, ...]:
        return self.slots

    def formula(self, w: Array, g: Array, slots: Slots, rate: float, t: int) -> tuple[Array, Slots]:
        return _adam(self, w * (1 - rate * self.weight_decay), g, slots, rate, t)


def _adam(
    given: Adam | AdamW, w: Array, g: Array, slots: Slots, rate: float, t: int
) -> tuple[Array, Slots]:
    m = given.beta_1 * slots["mean"] + (1 - given.beta_1) * g
    v = given.beta_2 * slots["variance"] + (1 - given.beta_2) * g * g
    denominator = np.sqrt(v) / np.sqrt(1 - given.beta_2**t) + given.epsilon
    return w - rate / (1 - given.beta_1**t) * m / denominator, {"mean": m, "variance": v}


@dataclass(frozen=True)
class RMSProp:
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
        _sound(self)
        require(0 <= self.rho < 1, "rho", self.rho, "in [0, 1)")
        require(0 <= self.momentum < 1, "momentum", self.momentum, "in [0, 1)")

    def slots_used(self) -> tuple[str, ...]:
        used = {"variance": True, "mean": self.centered, "momentum": self.momentum > 0}
        return tuple(slot for slot in self.slots if used[slot])

    def formula(self, w: Array, g: Array, slots: Slots, rate: float, t: int) -> tuple[Array, Slots]:
        g = g + self.weight_decay * w
        new = {"variance": self.rho * slots["variance"] + (1 - self.rho) * g * g}
        spread = new["variance"]
        if self.centered:
            new["mean"] = self.rho * slots["mean"] + (1 - self.rho) * g
            spread = spread - new["mean"] ** 2
        update = g / (np.sqrt(spread) + self.epsilon)
        if self.momentum:
            update = new["momentum"] = self.momentum * slots["momentum"] + update
        return w - rate * update, new


@dataclass(frozen=True)
class Adagrad:
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
        _sound(self)
        start = self.initial_accumulator_value
        require(start >= 0, "initial_accumulator_value", start, "at least 0")

    def slots_used(self) -> tuple[str, ...]:
        return self.slots

    def formula(self, w: Array, g: Array, slots: Slots, rate: float, t: int) -> tuple[Array, Slots]:
        g = g + self.weight_decay * w
        total = slots["sum"] + g * g
        return w - rate * g / (np.sqrt(total) + self.epsilon), {"sum": total}


Optimizer = SGD | Adam | AdamW | RMSProp | Adagrad

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RMSProp,
    "adagrad": Adagrad,
}


def optimizer(value: Optimizer | str | Mapping[str, Any]) -> Optimizer:
    """The optimizer of a name, or of {"name": "adam", "learning_rate": 1e-3}; else RecipeError."""
    chosen = value.lower() if isinstance(value, str) else value
    return named(OPTIMIZERS, chosen, "optimizer")


def optimizer_json(value: Optimizer) -> dict[str, Any]:
    """Every argument written out, in the form that `optimizer` reads."""
    return {"name": name_of(OPTIMIZERS, value), **asdict(value)}


def first_slot(given: Optimizer, slot: str) -> float:
    """The number that fills a slot before the first update."""
    return given.initial_accumulator_value if isinstance(given, Adagrad) else 0.0


def _sound(given: Optimizer) -> None:
    rate, decay = given.learning_rate, given.weight_decay
    require(np.isfinite(rate) and rate >= 0, "learning_rate", rate, "a finite number >= 0")
    require(np.isfinite(decay) and decay >= 0, "weight_decay", decay, "a finite number >= 0")
    if not isinstance(given, SGD):
        require(given.epsilon > 0, "epsilon", given.epsilon, "above 0")


def _sound_betas(beta_1: float, beta_2: float) -> None:
    require(0 <= beta_1 < 1, "beta_1", beta_1, "in [0, 1)")
    require(0 <= beta_2 < 1, "beta_2", beta_2, "in [0, 1)")
