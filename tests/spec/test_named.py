"""Integers that remember how they were written, against Python's own arithmetic."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimaran.spec.named import (
    Binary,
    Int,
    Literal,
    Name,
    evaluate,
    expression,
    names,
    parse,
    plain,
    recording,
    show,
    substitute,
)

VALUES = {"width": 8, "stride": 2, "widths[1]": 5}


def expressions() -> st.SearchStrategy[Any]:
    leaf = st.one_of(st.sampled_from([Name(n) for n in VALUES]), st.integers(-9, 9).map(Literal))
    return st.recursive(
        leaf,
        lambda inner: st.builds(Binary, st.sampled_from(["+", "-", "*", "//", "%"]), inner, inner),
        max_leaves=8,
    )


def python_value(text: str) -> Any:
    """What Python itself makes of the text."""
    scope = {"width": 8, "stride": 2, "widths": [4, 5]}
    try:
        return eval(text, {"__builtins__": {}}, scope)
    except ZeroDivisionError:
        return "division by zero"


@given(expressions())
def test_show_is_python_that_means_the_same(expr: Any) -> None:
    text = show(expr)
    try:
        value: Any = evaluate(expr, VALUES)
    except ZeroDivisionError:
        value = "division by zero"
    assert value == python_value(text)


@given(expressions())
def test_parse_is_the_inverse_of_show(expr: Any) -> None:
    assert show(parse(show(expr))) == show(expr)


@pytest.mark.parametrize("text", ["width ** 2", "f(width)", "1.5", "width if 1 else 2", "~width"])
def test_parse_refuses_what_is_no_integer_expression(text: str) -> None:
    with pytest.raises(ValueError, match="not an integer expression"):
        parse(text)


OPERATIONS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}


@given(st.integers(-50, 50), st.integers(1, 50), st.sampled_from(sorted(OPERATIONS)), st.booleans())
def test_arithmetic_is_that_of_int(a: int, b: int, op: str, left: bool) -> None:
    x = Int(a, Name("x")) if left else a
    y = b if left else Int(b, Name("y"))
    made = OPERATIONS[op](x, y)
    assert isinstance(made, Int)
    assert int(made) == OPERATIONS[op](a, b)
    assert evaluate(made.expr, {"x": a, "y": b}) == int(made)


def test_expressions_are_kept_as_written() -> None:
    width = Int(8, Name("width"))
    assert show((width * 4 + 1).expr) == "width * 4 + 1"
    assert show(((width + 1) * 4).expr) == "(width + 1) * 4"
    assert show((2 * (10 - (width - 3))).expr) == "2 * (10 - (width - 3))"
    assert show((width * (6 // width)).expr) == "width * (6 // width)"
    assert names((width * 4 + Int(2, Name("k"))).expr) == {"width", "k"}
    assert expression(7) == Literal(7)


@pytest.mark.parametrize(
    ("ask", "guard"),
    [
        (lambda n: n == 8, "(n == 8) is True"),
        (lambda n: n != 3, "(n == 3) is False"),
        (lambda n: n < 9, "(n < 9) is True"),
        (lambda n: n <= 7, "(n <= 7) is False"),
        (lambda n: n > 9, "(n > 9) is False"),
        (lambda n: n >= n * 2, "(n >= n * 2) is False"),
        (lambda n: bool(n), "(n == 0) is False"),
        (lambda n: {n}, "n == 8"),
        (lambda n: n // 4, "n % 4 == 0"),
        (lambda n: 20 % n, "20 % n == 4"),
        (lambda n: n == "a", "(n == 'a') is False"),
    ],
)
def test_every_question_leaves_a_guard(ask: Any, guard: str) -> None:
    guards: list[str] = []
    with recording(guards):
        ask(Int(8, Name("n")))
        ask(Int(8, Name("n")))  # a guard stands once
    assert guards == [guard]


def test_arithmetic_and_pauses_leave_no_guard() -> None:
    guards: list[str] = []
    with recording(guards):
        n = Int(8, Name("n")) * 2 + 1 - 3
        with recording(None):
            assert n > 0 and n == 14
    assert guards == []
    assert n == 14  # outside of a trace nothing records


def test_names_are_lost_where_python_takes_the_number_itself() -> None:
    n = Int(3, Name("n"))
    assert type(int(n)) is int
    assert [type(i) for i in range(n)] == [int] * 3
    assert "abcd"[n] == "d"
    assert n + 0.5 == 3.5  # a float has no expression


def test_plain_reaches_into_tuples() -> None:
    made = plain((Int(1, Name("a")), (Int(2, Name("b")), "same"), None))
    assert made == (1, (2, "same"), None)
    assert type(made[0]) is int and type(made[1][0]) is int


def test_substitution_tells_a_number_in_the_outer_names() -> None:
    inner = Int(8, Name("in_channels")) * Int(2, Name("k")) + 1
    outer = {"in_channels": Int(8, Name("width")) * 1, "k": 2}
    told = substitute(inner, outer)
    assert isinstance(told, Int)
    assert (int(told), show(told.expr)) == (17, "width * 1 * 2 + 1")
    assert type(substitute(inner, {"in_channels": 8, "k": 2})) is int
    assert substitute(5, outer) == 5


def test_copies_keep_the_expression() -> None:
    n = copy.deepcopy(Int(3, Name("n")) + 1)
    assert (int(n), show(n.expr)) == (4, "n + 1")
