"""Rungs of several pairs, told in the order of the pairs; those that no optimizer changes once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.comparison.faults import side
from tests.comparison.test_planted import changed, problem

from trimaran.comparison.ladder import Told, climb, in_order
from trimaran.comparison.rung import Rung
from trimaran.comparison.side import Side


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


def counted(builds: list[str]) -> Side:
    """A side that notes each network that it builds."""
    whole = side()

    def build(*given: Any) -> Any:
        builds.append(whole.name)
        return whole.build(*given)

    return replace(whole, build=build)


def test_the_rungs_below_training_are_climbed_once_for_all_optimizers() -> None:
    told: Told = {}
    builds: list[str] = []
    sides = [side(name="torch"), counted(builds)]
    first, second = (
        list(climb(problem(optimizer=name), sides, 2, told)) for name in ("sgd", "adam")
    )
    assert builds == ["planted"] and first[:4] == second[:4] == list(told["planted"])
    assert [rung.name for rung in second] == [rung.name for rung in first]
    assert len(second) == 8 and second[4:] != first[4:]


def test_a_rung_that_broke_for_one_optimizer_ends_the_ladder_of_the_next() -> None:
    told: Told = {}
    sides = [side(name="torch"), side(changed("bn1", eps=1e-3))]
    for name in ("sgd", "adam"):
        rungs = list(climb(problem(optimizer=name), sides, 2, told))
        assert [rung.name for rung in rungs] == ["init", "forward"]
        assert not rungs[-1].ok and rungs[-1].first_layer == "bn1"
