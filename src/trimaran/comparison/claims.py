"""The chapter's claims, held one by one against what was measured.

A verdict is *held* where the measurement shows the claim, *changed since* where it shows
otherwise, and *not shown* where nothing that a command can measure decides it (an opinion, a
community), where what it needs is not installed here, or where the runs are too few to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

HELD, CHANGED, NOT_SHOWN = "held", "changed since", "not shown"
Found = Mapping[str, Any]


@dataclass(frozen=True)
class Judgement:
    """A verdict, the measurement behind it as a sentence, and the section that shows it."""

    verdict: str
    evidence: str
    section: str


@dataclass(frozen=True)
class Claim:
    """The chapter's words about something under an aspect."""

    aspect: str
    of: str
    words: str
    judge: Callable[[Found], Judgement]


def judged(found: Found, claims: Sequence[Claim]) -> list[dict[str, str]]:
    """Every claim with its verdict; `found` is what the command has measured."""
    return [
        {"aspect": one.aspect, "of": one.of, "words": one.words, **asdict(one.judge(found))}
        for one in claims
    ]
