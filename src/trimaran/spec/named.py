"""Integers that remember how they were written.

While a block is traced, its integer fields and the channel counts of its inputs are `Int`s: they
count like integers and carry the expression that made them (`width * 4`), so that one traced block
can be printed as one class with constructor arguments. Asking such a number a question (comparing,
hashing, testing its truth) fixes a branch of the trace; the answer is recorded as a guard.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Name:
    """A field of the block (`width`), an element of one (`widths[0]`) or an input's channels."""

    text: str


@dataclass(frozen=True)
class Literal:
    """A number without a history."""

    value: int


@dataclass(frozen=True)
class Binary:
    """`left op right`, with op one of + - * // %."""

    op: str
    left: Expr
    right: Expr


Expr = Name | Literal | Binary

_EVALUATE: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "//": 2, "%": 2}
_AST_OPS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}

_guards: ContextVar[list[str] | None] = ContextVar("guards", default=None)


@contextmanager
def recording(guards: list[str] | None) -> Iterator[None]:
    """Record guards into `guards`; None pauses recording (rules may compare as they like)."""
    token = _guards.set(guards)
    try:
        yield
    finally:
        _guards.reset(token)


def _guard(text: str) -> None:
    guards = _guards.get()
    if guards is not None and text not in guards:
        guards.append(text)


class Int(int):
    """An `int` with the expression that made it."""

    expr: Expr

    def __new__(cls, value: int, expr: Expr) -> Int:
        made = super().__new__(cls, value)
        made.expr = expr
        return made

    def __getnewargs__(self) -> tuple[int, Expr]:  # type: ignore[override]  # for copy
        return int(self), self.expr

    def __add__(self, other: Any) -> Any:
        return _combine("+", self, other)

    def __radd__(self, other: Any) -> Any:
        return _combine("+", other, self)

    def __sub__(self, other: Any) -> Any:
        return _combine("-", self, other)

    def __rsub__(self, other: Any) -> Any:
        return _combine("-", other, self)

    def __mul__(self, other: Any) -> Any:
        return _combine("*", self, other)

    def __rmul__(self, other: Any) -> Any:
        return _combine("*", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _divide("//", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _divide("//", other, self)

    def __mod__(self, other: Any) -> Any:
        return _divide("%", self, other)

    def __rmod__(self, other: Any) -> Any:
        return _divide("%", other, self)

    def __eq__(self, other: object) -> bool:
        return self._ask("==", other, int(self) == plain(other))

    def __ne__(self, other: object) -> bool:
        return not self._ask("==", other, int(self) == plain(other))

    def __lt__(self, other: int) -> bool:
        return self._ask("<", other, int(self) < plain(other))

    def __le__(self, other: int) -> bool:
        return self._ask("<=", other, int(self) <= plain(other))

    def __gt__(self, other: int) -> bool:
        return self._ask(">", other, int(self) > plain(other))

    def __ge__(self, other: int) -> bool:
        return self._ask(">=", other, int(self) >= plain(other))

    def __bool__(self) -> bool:
        return not self._ask("==", 0, int(self) == 0)

    def __hash__(self) -> int:
        _guard(f"{show(self.expr)} == {int(self)}")
        return hash(int(self))

    def _ask(self, op: str, other: object, answer: bool) -> bool:
        right = show(expression(other)) if isinstance(other, int) else repr(other)
        _guard(f"({show(self.expr)} {op} {right}) is {answer}")
        return answer


def _combine(op: str, left: Any, right: Any) -> Any:
    if not (isinstance(left, int) and isinstance(right, int)):
        return NotImplemented
    value = _EVALUATE[op](int(left), int(right))
    return Int(value, Binary(op, expression(left), expression(right)))


def _divide(op: str, left: Any, right: Any) -> Any:
    """Division also fixes its remainder: `dim // heads` holds only where it divides as it did."""
    combined = _combine(op, left, right)
    if combined is not NotImplemented:
        remainder = Binary("%", expression(left), expression(right))
        _guard(f"{show(remainder)} == {int(left) % int(right)}")
    return combined


def expression(value: int) -> Expr:
    """The expression of a number: its own if it carries one, else a literal."""
    return value.expr if isinstance(value, Int) else Literal(int(value))


def plain(value: Any) -> Any:
    """The same value with every `Int` in it (also inside tuples) turned into an `int`."""
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    return int(value) if isinstance(value, Int) else value


def show(expr: Expr) -> str:
    """The expression as Python source."""
    match expr:
        case Name(text):
            return text
        case Literal(value):
            return str(value)
        case Binary(op, left, right):
            return f"{_operand(left, op, 0)} {op} {_operand(right, op, 1)}"


def _operand(expr: Expr, op: str, side: int) -> str:
    text = show(expr)
    needs = isinstance(expr, Binary) and _PRECEDENCE[expr.op] < _PRECEDENCE[op] + side
    return f"({text})" if needs else text


def parse(text: str) -> Expr:
    """The inverse of `show`.

    Raises:
        ValueError: the text is not made of names, integers and + - * // %.
    """
    return _from_ast(ast.parse(text, mode="eval").body)


def _from_ast(node: ast.expr) -> Expr:
    match node:
        case ast.Name(id=text):
            return Name(text)
        case ast.Subscript():
            return Name(ast.unparse(node))
        case ast.Constant(value=int(value)):
            return Literal(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            return Literal(-value)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _AST_OPS:
            return Binary(_AST_OPS[type(op)], _from_ast(left), _from_ast(right))
    raise ValueError(f"not an integer expression: {ast.unparse(node)}")


def names(expr: Expr) -> frozenset[str]:
    """The names that the expression uses."""
    match expr:
        case Name(text):
            return frozenset({text})
        case Literal():
            return frozenset()
        case Binary(_, left, right):
            return names(left) | names(right)


def evaluate(expr: Expr, values: Mapping[str, int]) -> int:
    """The expression's value where each name has the value given."""
    match expr:
        case Name(text):
            return int(values[text])
        case Literal(value):
            return value
        case Binary(op, left, right):
            return _EVALUATE[op](evaluate(left, values), evaluate(right, values))


def substitute(value: int, outer: Mapping[str, int]) -> int:
    """A number of an inner block, told in the names of the block around it."""
    if not isinstance(value, Int):
        return value
    return _substitute(value.expr, outer)


def _substitute(expr: Expr, outer: Mapping[str, int]) -> int:
    match expr:
        case Name(text):
            return outer[text]
        case Literal(value):
            return value
        case Binary(op, left, right):
            return _EVALUATE[op](_substitute(left, outer), _substitute(right, outer))
