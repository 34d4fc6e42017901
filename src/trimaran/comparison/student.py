"""Student's t (1908): intervals of a mean from few runs, paired differences, Holm's correction.

The distribution is computed from the regularized incomplete beta function by its continued
fraction (Abramowitz and Stegun 26.5.8), so that no library is needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

METHOD = "Student's t over the seeds, 95 %"
_ENOUGH = 1e-15


@dataclass(frozen=True)
class Mean:
    """A mean of so many runs, and where it lies with 95 % confidence."""

    mean: float
    low: float
    high: float
    runs: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def mean(values: Sequence[float]) -> Mean:
    """The mean with its interval, which is nothing but infinite for a single run."""
    middle = fmean(values)
    if len(values) < 2:
        return Mean(middle, -math.inf, math.inf, len(values))
    half = quantile(0.975, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Mean(middle, middle - half, middle + half, len(values))


@dataclass(frozen=True)
class Difference:
    """The mean of `a - b` over pairs, with the two-sided probability of one as large by chance."""

    difference: Mean
    p: float


def paired(a: Sequence[float], b: Sequence[float]) -> Difference:
    """Compare runs that share their seed: what the seed does to both falls out.

    With equal differences everywhere there is no spread to judge by: p is 1 where they are 0, else
    0.
    """
    apart = [x - y for x, y in zip(a, b, strict=True)]
    found = mean(apart)
    spread = stdev(apart) if len(apart) > 1 else math.inf
    if spread == 0.0:
        return Difference(found, 1.0 if found.mean == 0.0 else 0.0)
    return Difference(found, tail(found.mean / (spread / math.sqrt(len(apart))), len(apart) - 1))


def holm(chances: Sequence[float]) -> list[float]:
    """Each p corrected for the number of questions asked (S. Holm, 1979)."""
    order = sorted(range(len(chances)), key=lambda i: chances[i])
    found, largest = [0.0] * len(chances), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(chances) - rank) * chances[i]))
        found[i] = largest
    return found


def verdict(names: tuple[str, str], found: Difference, corrected: float, unit: str = "") -> str:
    """The difference as a sentence that claims no more than it shows."""
    a, b = names
    if corrected >= 0.05 or math.isnan(corrected):
        return f"no difference shown between {a} and {b}"
    more = "higher" if found.difference.mean > 0 else "lower"
    return f"{a} is {more} than {b} by {abs(found.difference.mean):.3g}{unit}"


def tail(t: float, freedom: int) -> float:
    """The two-sided probability of |T| >= |t|."""
    if freedom < 1 or math.isnan(t):
        return math.nan
    if math.isinf(t):
        return 0.0
    return incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5)


def quantile(share: float, freedom: int) -> float:
    """The t below which `share` of the distribution lies, for shares above a half."""
    low, high = 0.0, 2.0
    while 1 - tail(high, freedom) / 2 < share:
        low, high = high, 2 * high
    for _ in range(200):
        middle = (low + high) / 2
        if 1 - tail(middle, freedom) / 2 < share:
            low = middle
        else:
            high = middle
    return high


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function I_x(a, b)."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - incomplete_beta(1 - x, b, a)
    front = a * math.log(x) + b * math.log1p(-x)
    front += math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(front) * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction, from front to back (Lentz's method)."""
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 1000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + term * d)
            c = 1 + term / c
            value *= c * d
        if abs(c * d - 1) < _ENOUGH:
            break
    return value


def spread(values: Sequence[float]) -> Mapping[str, float]:
    """The median with the range, for times: their tail is long and one-sided."""
    ordered = sorted(values)
    half = len(ordered) // 2
    middle = ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
    return {"median": middle, "low": ordered[0], "high": ordered[-1], "runs": len(ordered)}
