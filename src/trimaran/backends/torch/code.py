"""How one layer is written, and where it stands: what the rules of all layers share."""

from __future__ import annotations

from dataclasses import dataclass

from trimaran.emit.template import Numbers
from trimaran.spec.layer import Shape
from trimaran.spec.layout import FIRST


@dataclass(frozen=True)
class Code:
    """How a layer is written.

    `call` is an expression over inputs {0}, {1}…; "@" in it stands for the layer's attribute.
    `module` constructs that attribute where the layer has state or a mode. `alone` is a module
    that does the same by itself, for use inside `nn.Sequential`; None where there is none.
    `helpers` name functions that the source must define.
    """

    call: str
    module: str | None = None
    alone: str | None = None
    helpers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Site:
    """Where a layer stands: its inputs' shapes (numbers with their expressions), its output's
    shape, the layout its inputs come in, whether a flattening keeps channels-first order."""

    shapes: tuple[Shape, ...]
    made: Shape
    layout: str
    numbers: Numbers

    @property
    def rank(self) -> int:
        """Axes without the batch."""
        return len(self.shapes[0])

    def channel_axis(self) -> int:
        """Where PyTorch's tensor has its channels."""
        return 1 if self.layout == FIRST else -1


def step_count(site: Site, place: int = -1) -> str:
    """How many steps of each row hold data, from the input at that place, by default the last:
    their number, or marks."""
    place %= len(site.shapes)
    told = f"{{{place}}}"
    return f"({told} != 0).sum(1)" if len(site.shapes[place]) == 1 else told
