"""What a rung of the ladder found."""

from __future__ import annotations

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
    curve: the deviation after each step, for the long rungs;  note: what the tolerance is
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

    def to_json(self) -> dict[str, Any]:
        value = asdict(self)
        value["backends"] = list(self.backends)
        return value
