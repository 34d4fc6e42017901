"""What a rung of the ladder found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

RUNGS = (
    "init", "forward", "loss", "gradients", "one update", "updates from shared states",
    "free run", "evaluation",
)  # fmt: skip

TOLERANCES = {"float64": 1e-9, "float32": 1e-5}


@dataclass(frozen=True)
class Rung:
    """One rung for one pair of backends.

    deviation: the largest relative deviation;  first_layer: that departs, in forward order (for
    gradients in backward order, the way they flow), or ""
    curve: the deviation after each step, for the long rungs, or after those in `steps`
    losses: of both sides' own runs;  note: what the tolerance is, and why
    """

    name: str
    backends: tuple[str, str]
    precision: str
    tolerance: float
    deviation: float
    ok: bool
    first_layer: str = ""
    note: str = ""
    curve: tuple[float, ...] = ()
    losses: tuple[tuple[float, ...], ...] = ()
    steps: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON knows no infinity: a deviation, a point of a curve or a loss that is not finite is
        null."""
        value = asdict(self)
        value["backends"] = list(self.backends)
        value["deviation"] = known((self.deviation,))[0]
        value["curve"] = known(self.curve)
        value["losses"] = [known(run) for run in self.losses]
        return value


def known(values: Sequence[float]) -> list[float | None]:
    """The values, None where one is not finite."""
    return [value if math.isfinite(value) else None for value in values]
