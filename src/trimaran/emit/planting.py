"""A mistake written into a network's source, to see how its framework tells of it."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Planted:
    """The source with the mistake, its line number from 1, and the line."""

    source: str
    line: int
    text: str


def last_call(source: str, call: re.Pattern[str]) -> tuple[list[str], int, str, str] | None:
    """The lines of the source, and where the last of those stands that `call` matches: its index,
    and what its two groups hold (the indentation, and what the call takes in)."""
    lines = source.rstrip("\n").split("\n")
    found = [(i, made) for i, line in enumerate(lines) if (made := call.match(line))]
    if not found:
        return None
    at, made = found[-1]
    return lines, at, made[1], made[2]
