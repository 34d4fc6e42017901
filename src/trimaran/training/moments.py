"""Adam and its relatives: optimizers with adaptive moments; see `training.rules`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from trimaran.training.rules import Array, Numbers, Rule, Slots, Updated, share, sound


def _corrections(beta_1: float, beta_2: float, t: int) -> dict[str, float]:
    return {"first": 1 - beta_1**t, "second": math.sqrt(1 - beta_2**t)}


def _adam(given: Any, xp: Any, w: Array, g: Array, slots: Slots, n: Numbers) -> Updated:
    m = given.beta_1 * slots["mean"] + (1 - given.beta_1) * g
    v = given.beta_2 * slots["variance"] + (1 - given.beta_2) * g * g
    new = {"mean": m, "variance": v}
    if given.amsgrad:
        v = new["largest"] = xp.maximum(slots["largest"], v)
    return w - n["rate"] / n["first"] * m / (xp.sqrt(v) / n["second"] + given.epsilon), new


@dataclass(frozen=True)
class Adam(Rule):
    """Adaptive moments; its weight decay is the classic L2 term, added to the gradient.

        m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g²
        w -= rate / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + epsilon)

    D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015. With `amsgrad` v is
    its largest value so far: S. Reddi, S. Kale, S. Kumar, "On the convergence of Adam and beyond",
    ICLR 2018.
    """

    learning_rate: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    weight_decay: float = 0.0
    amsgrad: bool = False
    slots: ClassVar[tuple[str, ...]] = ("mean", "variance", "largest")

    def __post_init__(self) -> None:
        _sound(self)

    def slots_used(self) -> tuple[str, ...]:
        return self.slots if self.amsgrad else self.slots[:2]

    def numbers(self, rate: float, t: int) -> dict[str, float]:
        return {"rate": rate, **_corrections(self.beta_1, self.beta_2, t)}

    def update(self, xp: Any, w: Array, g: Array, slots: Slots, n: Numbers) -> Updated:
        return _adam(self, xp, w, g + self.weight_decay * w, slots, n)


@dataclass(frozen=True)
class AdamW(Rule):
    """Adam with decoupled weight decay: first w *= 1 - rate * weight_decay, then Adam's update.

    I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 0.004
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    amsgrad: bool = False
    slots: ClassVar[tuple[str, ...]] = ("mean", "variance", "largest")

    def __post_init__(self) -> None:
        _sound(self)

    def slots_used(self) -> tuple[str, ...]:
        return self.slots if self.amsgrad else self.slots[:2]

    def numbers(self, rate: float, t: int) -> dict[str, float]:
        return {"rate": rate, **_corrections(self.beta_1, self.beta_2, t)}

    def update(self, xp: Any, w: Array, g: Array, slots: Slots, n: Numbers) -> Updated:
        return _adam(self, xp, w * (1 - n["rate"] * self.weight_decay), g, slots, n)


@dataclass(frozen=True)
class NAdam(Rule):
    """Adam with Nesterov momentum, whose momentum warms up.

        mu_t = b1 (1 - 0.96^(t * momentum_decay) / 2);  m, v as in Adam
        w -= rate * (mu_{t+1} m / (1 - prod mu_1..t+1) + (1 - mu_t) g / (1 - prod mu_1..t))
             / (sqrt(v) / sqrt(1 - b2^t) + epsilon)

    T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016.
    """

    learning_rate: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    momentum_decay: float = 1.0
    weight_decay: float = 0.0
    slots: ClassVar[tuple[str, ...]] = ("mean", "variance")

    def __post_init__(self) -> None:
        _sound(self)

    def numbers(self, rate: float, t: int) -> dict[str, float]:
        now, after = (_momentum(self.beta_1, self.momentum_decay, i) for i in (t, t + 1))
        product = _product(self.beta_1, self.momentum_decay, t)
        second = _corrections(self.beta_1, self.beta_2, t)["second"]
        mean, gradient = after / (1 - product * after), (1 - now) / (1 - product)
        return {"rate": rate, "mean": mean, "gradient": gradient, "second": second}

    def update(self, xp: Any, w: Array, g: Array, slots: Slots, n: Numbers) -> Updated:
        g = g + self.weight_decay * w
        m = self.beta_1 * slots["mean"] + (1 - self.beta_1) * g
        v = self.beta_2 * slots["variance"] + (1 - self.beta_2) * g * g
        below = xp.sqrt(v) / n["second"] + self.epsilon
        step = (n["mean"] * m + n["gradient"] * g) / below
        return w - n["rate"] * step, {"mean": m, "variance": v}


def _momentum(beta: float, decay: float, t: int) -> float:
    return float(beta * (1 - 0.5 * 0.96 ** (t * decay)))


# Kept every so many updates, so that a late update after a restore is no long walk.
_STRIDE = 256


@cache
def _product_to(beta: float, decay: float, blocks: int) -> float:
    """The product of the first `blocks` strides of momenta."""
    if not blocks:
        return 1.0
    before = (blocks - 1) * _STRIDE
    last = math.prod(_momentum(beta, decay, before + i + 1) for i in range(_STRIDE))
    return _product_to(beta, decay, blocks - 1) * last


def _product(beta: float, decay: float, t: int) -> float:
    for blocks in range(0, t // _STRIDE, 500):  # fills the cache without a deep recursion
        _product_to(beta, decay, blocks)
    blocks = t // _STRIDE
    rest = (_momentum(beta, decay, i) for i in range(blocks * _STRIDE + 1, t + 1))
    return _product_to(beta, decay, blocks) * math.prod(rest)


@dataclass(frozen=True)
class Adamax(Rule):
    """Adam whose second moment is a decaying largest gradient.

        m = b1 m + (1 - b1) g;  u = max(b2 u, |g| + epsilon);  w -= rate / (1 - b1^t) * m / u

    D. Kingma, J. Ba, 2015, algorithm 2.
    """

    learning_rate: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    weight_decay: float = 0.0
    slots: ClassVar[tuple[str, ...]] = ("mean", "largest")

    def __post_init__(self) -> None:
        _sound(self)

    def numbers(self, rate: float, t: int) -> dict[str, float]:
        return {"rate": rate, "first": 1 - self.beta_1**t}

    def update(self, xp: Any, w: Array, g: Array, slots: Slots, n: Numbers) -> Updated:
        g = g + self.weight_decay * w
        m = self.beta_1 * slots["mean"] + (1 - self.beta_1) * g
        u = xp.maximum(self.beta_2 * slots["largest"], xp.abs(g) + self.epsilon)
        return w - n["rate"] / n["first"] * m / u, {"mean": m, "largest": u}


@dataclass(frozen=True)
class Muon(Rule):
    """The momentum of each matrix, made nearly orthogonal; all other weights follow AdamW.

        b = momentum b + g;  u = orthogonal(g + momentum b)
        w *= 1 - rate * weight_decay;  w -= rate * 0.2 sqrt(max(rows, columns)) * u

    `orthogonal` is five steps of the quintic Newton-Schulz iteration, in the weight's precision.
    The scale makes the update as large as AdamW's, so the same rates fit. K. Jordan et al., "Muon:
    an optimizer for hidden layers", 2024; the scale: J. Liu et al., "Muon is scalable for LLM
    training", 2025, eq. 4.
    """

    learning_rate: float = 1e-3
    momentum: float = 0.95
    nesterov: bool = True
    weight_decay: float = 0.004
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    slots: ClassVar[tuple[str, ...]] = ("mean", "variance")
    amsgrad: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _sound(self)
        share("momentum", self.momentum)

    def numbers(self, rate: float, t: int) -> dict[str, float]:
        return {"rate": rate, **_corrections(self.beta_1, self.beta_2, t)}

    def update(self, xp: Any, w: Array, g: Array, slots: Slots, n: Numbers) -> Updated:
        w = w * (1 - n["rate"] * self.weight_decay)
        if len(w.shape) != 2:
            return _adam(self, xp, w, g, slots, n)
        b = self.momentum * slots["mean"] + g
        u = _orthogonal(xp, g + self.momentum * b if self.nesterov else b)
        scale = 0.2 * math.sqrt(max(w.shape))
        return w - n["rate"] * scale * u, {"mean": b, "variance": slots["variance"]}


def _orthogonal(xp: Any, x: Array) -> Array:
    """Nearly U V' of the singular value decomposition of x."""
    tall = x.shape[0] > x.shape[1]
    x = xp.swapaxes(x, 0, 1) if tall else x
    x = x / (xp.sqrt(xp.sum(x * x)) + 1e-7)
    for _ in range(5):
        square = xp.matmul(x, xp.swapaxes(x, 0, 1))
        x = 3.4445 * x + xp.matmul(-4.7750 * square + 2.0315 * xp.matmul(square, square), x)
    return xp.swapaxes(x, 0, 1) if tall else x


def _sound(given: Any) -> None:
    sound(given)
    share("beta_1", given.beta_1)
    share("beta_2", given.beta_2)
