"""The source of one block with its numbers left open.

Two blocks that differ only in numbers have equal templates. Each number is a slot that remembers
its expression, so that the class can print `width * 4` where all its instances agree on it, and
take a constructor argument where they do not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from trimaran.spec.named import expression, show

MARK = re.compile("\x01(\\d+)\x02")


@dataclass(frozen=True)
class Slot:
    """A number in the source; `hint` names the constructor argument it may become."""

    value: int
    hint: str


@dataclass
class Numbers:
    """Collects the slots while a block's lines are written."""

    slots: list[Slot] = field(default_factory=list)

    def one(self, value: int, hint: str) -> str:
        """A mark that stands for the number."""
        self.slots.append(Slot(value, hint))
        return f"\x01{len(self.slots) - 1}\x02"

    def many(self, values: Sequence[int], hint: str) -> str:
        """One number where all are written alike, else a tuple."""
        if len({show(expression(value)) for value in values}) == 1:
            return self.one(values[0], hint)
        return self.tuple(values, hint)

    def tuple(self, values: Sequence[int], hint: str) -> str:
        """A tuple of numbers."""
        inner = ", ".join(self.one(value, f"{hint}{i + 1}") for i, value in enumerate(values))
        return f"({inner},)" if len(values) == 1 else f"({inner})"

    def any(self, value: Any, hint: str) -> str:
        """A number, or a tuple of numbers."""
        return self.tuple(value, hint) if isinstance(value, tuple) else self.one(value, hint)


@dataclass(frozen=True)
class Template:
    """Lines with marks, and the slots they stand for."""

    init: tuple[str, ...]
    forward: tuple[str, ...]
    slots: tuple[Slot, ...]

    @property
    def text(self) -> str:
        """What must be equal in two blocks that share a class (marks are in order)."""
        return "\n".join((*self.init, "---", *self.forward))

    @property
    def late(self) -> list[int]:
        """The slots of the forward method."""
        return [int(mark.group(1)) for line in self.forward for mark in MARK.finditer(line)]

    def fill(self, number: Callable[[int], str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(init, forward) with every mark replaced by `number(slot)`."""

        def filled(line: str) -> str:
            return MARK.sub(lambda mark: number(int(mark.group(1))), line)

        return tuple(map(filled, self.init)), tuple(map(filled, self.forward))
