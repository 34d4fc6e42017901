"""Frozen dataclasses from plain values: each key known, each value of its type, else one sentence.

A field that is a dataclass is a mapping in the recipe; one that is a choice of dataclasses (an
optimizer, a schedule) is a mapping with a `name`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from trimaran.data.augment import Augment
from trimaran.errors import RecipeError
from trimaran.training.optimizers import OPTIMIZERS
from trimaran.training.schedules import SCHEDULES
from trimaran.training.settings import Training

T = TypeVar("T")
Blame = Callable[[str], str]
"""From a key's path to the place that gave its value."""

TABLES: tuple[Mapping[str, type], ...] = (OPTIMIZERS, SCHEDULES)

# The training room cannot name what the data room owns.
HINTS: dict[type, dict[str, Any]] = {Training: {"augment": Augment | None}}

# What the same thing is called elsewhere (Lightning, Hugging Face, Keras, scikit-learn).
ALIASES = {
    "max_epochs": "training.epochs",
    "num_epochs": "training.epochs",
    "num_train_epochs": "training.epochs",
    "n_epochs": "training.epochs",
    "lr": "training.optimizer.learning_rate",
    "base_lr": "training.optimizer.learning_rate",
    "learning_rate_init": "training.optimizer.learning_rate",
    "per_device_train_batch_size": "training.batch_size",
    "train_batch_size": "training.batch_size",
    "lr_scheduler": "training.schedule",
    "lr_scheduler_type": "training.schedule",
    "warmup_steps": "training.schedule.warm_up",
    "warmup_ratio": "training.schedule.warm_up",
    "label_smoothing_factor": "training.label_smoothing",
    "validation_split": "data.validation",
    "val_split": "data.validation",
    "validation_fraction": "data.validation",
    "test_size": "data.test",
    "dataset": "data.set",
    "dataset_name": "data.set",
    "label": "data.target",
    "architecture": "model.zoo",
    "arch": "model.zoo",
    "num_classes": "model.classes",
    "random_state": "training.seed",
    "max_time": "training.time_limit",
    "accelerator": "training.device",
}


def check(kind: type, values: Mapping[str, Any], where: str) -> None:
    """Hold that every key is known.

    Raises:
        RecipeError: one is not; the text names the nearest known one.
    """
    for path, key, known in _unknown(kind, values, ""):
        hint = _hint(kind, path, str(key), known)
        raise RecipeError(f"{where}: there is no key {f'{path}{key}'!r}; {hint}")


def _unknown(
    kind: type, values: Mapping[str, Any], path: str
) -> Iterator[tuple[str, Any, list[str]]]:
    hints = types(kind)
    for key, value in values.items():
        if key not in hints:
            yield path, key, list(hints)
            continue
        inner = chosen(kind, key, value)
        if inner is not None and isinstance(value, Mapping):
            own = {k: v for k, v in value.items() if not (k == "name" and tagged(hints[key]))}
            yield from _unknown(inner, own, f"{path}{key}.")


def _hint(kind: type, path: str, key: str, known: list[str]) -> str:
    if key in ALIASES and ALIASES[key] in every_path(kind):
        return f"here it is called {ALIASES[key]!r}."
    near = get_close_matches(key, known, 1, 0.6)
    if near:
        return f"did you mean {path + near[0]!r}?"
    last = {full.rsplit(".", 1)[-1]: full for full in reversed(every_path(kind))}
    near = get_close_matches(key, last, 1, 0.6)
    if near and last[near[0]] != f"{path}{key}":  # else it belongs to another optimizer
        return f"did you mean {last[near[0]]!r}?"
    return f"known here are {', '.join(known)}."


@cache
def every_path(kind: type, path: str = "") -> tuple[str, ...]:
    """All keys below a dataclass, dotted, in the order of its fields, whole names first."""
    here = [path + name for name in types(kind)]
    inner = [
        deeper
        for name, hint in types(kind).items()
        for part in parts(hint)
        for deeper in every_path(part, f"{path}{name}.")
    ]
    return tuple(dict.fromkeys(here + inner))


@cache
def types(kind: type) -> dict[str, Any]:
    """Field → type, of the fields that a recipe may give."""
    hints = get_type_hints(kind) | HINTS.get(kind, {})
    return {field.name: hints[field.name] for field in fields(kind) if field.init}


def parts(hint: Any) -> tuple[type, ...]:
    """The dataclasses that a field may hold."""
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return tuple(option for option in options if is_dataclass(option) and isinstance(option, type))


def tagged(hint: Any) -> Mapping[str, type] | None:
    """The table of names behind a choice of dataclasses."""
    found = set(parts(hint))
    return next((t for t in TABLES if len(found) > 1 and found == set(t.values())), None)


def chosen(kind: type, key: str, value: Any) -> type | None:
    """The dataclass that a field holds for this value; None where the field is a plain one."""
    hint = types(kind)[key]
    table = tagged(hint)
    if table is None:
        return next(iter(parts(hint)), None)
    name = value.get("name") if isinstance(value, Mapping) else None
    return table.get(str(name).lower()) if name else type(default(kind, key))


def default(kind: type, key: str) -> Any:
    """What a field holds where nothing is given."""
    field: Field[Any] = next(f for f in fields(kind) if f.name == key)
    return field.default_factory() if field.default_factory is not MISSING else field.default


def build(kind: type[T], values: Mapping[str, Any], blame: Blame, path: str = "") -> T:
    """The dataclass, its fields checked one by one.

    Raises:
        RecipeError: a value has another type, or the dataclass refuses it.
    """
    made = {key: _field(kind, key, value, blame, path) for key, value in values.items()}
    try:
        return kind(**made)
    except RecipeError as error:
        text = str(error)
        named = next((f"{path}{key}" for key in made if re.search(rf"\b{key}\b", text)), path)
        raise RecipeError(f"{blame(named)}: {text}") from None


def _field(kind: type, key: str, value: Any, blame: Blame, path: str) -> Any:
    hint, full = types(kind)[key], path + key
    if isinstance(value, parts(hint)) or (value is None and NoneType in get_args(hint)):
        return value
    table = tagged(hint)
    if table is not None:
        return _named(kind, key, value, blame, path)
    inner = chosen(kind, key, value)
    if inner is None:
        return leaf(hint, value, full, blame)
    if not isinstance(value, Mapping):
        raise _wrong(blame, full, value, f"keys such as {', '.join(list(types(inner))[:3])}")
    return build(inner, value, blame, f"{full}.")


def _named(kind: type, key: str, value: Any, blame: Blame, path: str) -> Any:
    table, full = tagged(types(kind)[key]) or {}, path + key
    inner = chosen(kind, key, value) if isinstance(value, Mapping) else None
    if inner is None:
        name = value.get("name") if isinstance(value, Mapping) else value
        near = get_close_matches(str(name).lower(), table, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(table)}."
        raise RecipeError(f"{blame(full)}: {full} is {name!r}, which is not known; {hint}")
    own = {k: v for k, v in value.items() if k != "name"}
    return build(inner, own, blame, f"{full}.")


WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    tuple: "a list",
    list: "a list",
    dict: "keys with values",
    NoneType: "null",
}


def leaf(hint: Any, value: Any, path: str, blame: Blame) -> Any:
    """A plain value in its type: "1e-3" is a number, 5.0 a whole one, true none."""
    from pydantic import ValidationError

    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if isinstance(value, bool) and bool not in options:
        if str not in options or int in options:
            raise _wrong(blame, path, value, words(hint))
        value = "on" if value else "off"  # what was written, before YAML 1.1 read it
    if isinstance(value, str) and hint == tuple[str, ...]:
        value = (value,)
    try:
        return adapter(hint).validate_python(value)
    except ValidationError:
        raise _wrong(blame, path, value, words(hint)) from None


@cache
def adapter(hint: Any) -> Any:
    """pydantic's judge of a type."""
    from pydantic import TypeAdapter

    return TypeAdapter(hint)


def words(hint: Any) -> str:
    """A type as people say it."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(words(option) for option in inside))
    if origin in (tuple, list) and inside:
        item = {int: "whole numbers", float: "numbers", str: "texts"}.get(inside[0], "values")
        return f"a list of {item}"
    if origin is not None and inside and not isinstance(inside[0], type):
        return " or ".join(map(str, inside))
    return WORDS.get(origin or hint, getattr(hint, "__name__", str(hint)))


def _wrong(blame: Blame, path: str, value: Any, expected: str) -> RecipeError:
    return RecipeError(f"{blame(path)}: {path} is {value!r}; expected {expected}.")


def plain(value: Any) -> Any:
    """A dataclass as mappings and lists, with the `name` of what was chosen by name."""
    if is_dataclass(value) and not isinstance(value, type):
        tag = next(
            ({"name": name} for t in TABLES for name, kind in t.items() if type(value) is kind), {}
        )
        return tag | {name: plain(getattr(value, name)) for name in types(type(value))}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, tuple | list) else value
