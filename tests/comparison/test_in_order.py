"""Rungs of several pairs, told in the order of the pairs."""

from __future__ import annotations

from collections.abc import Iterator

from trimaran.comparison.ladder import in_order
from trimaran.comparison.rung import Rung


def rung(name: str, of: str) -> Rung:
    return Rung(name, ("torch", of), "float64", 0.0, 0.0, True, "", "", ())


def test_the_first_pair_is_told_at_once_and_the_others_after_it() -> None:
    reached: list[str] = []

    def climbing() -> Iterator[tuple[int, Rung]]:
        for name in ("init", "forward"):
            for place, of in enumerate("abc"):
                reached.append(f"{of} {name}")
                yield place, rung(name, of)

    told = (f"{found.backends[1]} {found.name}" for found in in_order(climbing()))
    assert next(told) == "a init" and reached == ["a init"]
    assert list(told) == ["a forward", "b init", "b forward", "c init", "c forward"]


def test_a_pair_that_ends_early_lets_the_others_go_on() -> None:
    found = in_order(iter([(1, rung("init", "b")), (1, rung("forward", "b"))]))
    assert [rung.name for rung in found] == ["init", "forward"]
