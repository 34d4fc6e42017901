"""Pairs in turns: nobody waits while another could work, and rungs keep their order."""

from __future__ import annotations

from collections.abc import Iterator

from trimaran.comparison.rung import Rung
from trimaran.comparison.turns import Turns, at_once, in_turns, one_by_one


def rung(name: str, of: str) -> Rung:
    return Rung(name, ("torch", of), "float64", 0.0, 0.0, True, "", "", ())


def pair(of: str, log: list[str]) -> Iterator[Rung | None]:
    for name in ("init", "forward"):
        log.append(f"{of} asks {name}")
        yield None
        log.append(f"{of} has {name}")
        yield rung(name, of)


def told(rungs: Iterator[Rung]) -> list[str]:
    return [f"{found.backends[1]} {found.name}" for found in rungs]


ORDER = ["a init", "a forward", "b init", "b forward"]


def test_all_ask_before_the_first_answer_is_awaited() -> None:
    log: list[str] = []
    assert told(in_turns([pair("a", log), pair("b", log)])) == ORDER
    assert log[:4] == ["a asks init", "b asks init", "a has init", "b has init"]


def test_one_by_one_the_second_waits_for_the_first() -> None:
    log: list[str] = []
    assert told(one_by_one([pair("a", log), pair("b", log)])) == ORDER
    assert log.index("a has forward") < log.index("b asks init")


def test_a_pair_that_ends_early_lets_the_others_go_on() -> None:
    assert told(in_turns([iter([]), pair("b", []), iter([rung("init", "c")])])) == [
        *ORDER[2:],
        "c init",
    ]


def test_work_with_pauses_has_its_value_at_once() -> None:
    def work() -> Turns[int]:
        yield
        yield
        return 3

    assert at_once(work()) == 3
