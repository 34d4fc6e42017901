"""Pairs that climb in turns, so that every process has work.

A pair is a generator that yields its rungs, and None wherever it waits for another process: there
the next pair goes on. All of it happens in one thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from typing import TypeVar

from trimaran.comparison.rung import Rung

T = TypeVar("T")
Turns = Generator[None, None, T]
"""Work with pauses that ends in a value."""


class _Lane:
    """A pair and those of its rungs that are not told yet."""

    def __init__(self, pair: Iterator[Rung | None]) -> None:
        self.pair, self.rungs, self.open = pair, deque[Rung](), True

    def go(self) -> None:
        """On to its next pause or rung."""
        if not self.open:
            return
        try:
            rung = next(self.pair)
        except StopIteration:
            self.open = False
        else:
            self.rungs.extend([] if rung is None else [rung])


def in_turns(pairs: Sequence[Iterator[Rung | None]]) -> Iterator[Rung]:
    """The rungs of all pairs, the first one's first, while all of them climb."""
    lanes = [_Lane(pair) for pair in pairs]
    for lane in lanes:
        while lane.open or lane.rungs:
            while lane.rungs:
                yield lane.rungs.popleft()
            for other in lanes:
                other.go()


def one_by_one(pairs: Sequence[Iterator[Rung | None]]) -> Iterator[Rung]:
    """The same, where a pair needs what the one before it has left."""
    for pair in pairs:
        yield from (rung for rung in pair if rung is not None)


def at_once(work: Turns[T]) -> T:
    """The value of work, without pauses."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            value: T = done.value
            return value
