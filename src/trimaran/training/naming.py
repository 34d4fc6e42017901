"""Settings that are named in a recipe: a literal table from name to frozen dataclass."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from trimaran.errors import RecipeError

T = TypeVar("T")


def named(table: Mapping[str, type[T]], value: T | str | Mapping[str, Any], what: str) -> T:
    """The settings that `value` names: a name, {"name": ..., argument: ...}, or the thing itself.

    Raises `RecipeError` for an unknown name or argument, with the nearest known one.
    """
    if not isinstance(value, str | Mapping):
        if isinstance(value, tuple(table.values())):
            return value
        raise RecipeError(f"The {what} must be a name or a mapping with a name, but is {value!r}.")
    given = {"name": value} if isinstance(value, str) else dict(value)
    name = str(given.pop("name", None))
    if name not in table:
        raise RecipeError(f"There is no {what} {name!r}; {nearest(name, list(table))}")
    return build(table[name], given, f"{what} {name!r}")


def build(kind: type[T], given: Mapping[str, Any], what: str) -> T:
    """An instance of the dataclass `kind`; an argument that it lacks is a `RecipeError`."""
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for key in given:
        if key not in known:
            raise RecipeError(f"The {what} has no argument {key!r}; {nearest(key, known)}")
    return kind(**given)


def nearest(word: str, known: list[str]) -> str:
    """The end of a sentence on a misspelt word: the nearest known one, or all of them."""
    close = difflib.get_close_matches(word, known, 1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}."


def name_of(table: Mapping[str, type], value: object) -> str:
    """The name under which the type of `value` stands in the table."""
    return next(name for name, kind in table.items() if type(value) is kind)


def require(good: bool, what: str, value: object, expected: str) -> None:
    """Refuses a setting out of range with one sentence."""
    if not good:
        raise RecipeError(f"The setting {what} must be {expected}, but is {value!r}.")
