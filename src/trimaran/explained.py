"""What a recipe may set, key by key, in the words of the dataclasses that hold it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trimaran.keys import default, parts, plain, tagged, types


@dataclass(frozen=True)
class Setting:
    """key: dotted, as a command line gives it;  default: a plain value, or the arguments of what
    is chosen by name;  about: what it means"""

    key: str
    default: Any
    about: str


def settings(kind: type, path: str = "") -> Iterator[Setting]:
    """Every setting below a dataclass, in the order of its fields; what can be chosen by name
    follows its key, with its own arguments."""
    about = explained(kind)
    for name, hint in types(kind).items():
        key = path + name
        table, inner = tagged(hint), parts(hint)
        if table is not None:
            yield Setting(key, plain(default(kind, name))["name"], about[name])
            yield from _choices(table, key)
        elif inner:
            yield from settings(inner[0], f"{key}.")
        else:
            yield Setting(key, plain(default(kind, name)), about[name])


def _choices(table: Mapping[str, type], key: str) -> Iterator[Setting]:
    for name, kind in table.items():
        own = {k: v for k, v in plain(kind()).items() if k != "name"}
        yield Setting(f"{key}={name}", own, _first_sentence(kind))


def _first_sentence(kind: type) -> str:
    text = " ".join(inspect.cleandoc(kind.__doc__ or "").split("\n\n", 1)[0].split())
    return text.rstrip(".:")


_ENTRY = re.compile(r"((?:\w+, )*\w+):\s+(\S.*)")


def explained(kind: type) -> dict[str, str]:
    """Field → its words in the docstring: "name: words" at the margin, more lines indented; two
    entries on a line stand apart by ";  "."""
    found: dict[str, list[str]] = {}
    names: list[str] = []
    for line in _lines(kind):
        entry = _ENTRY.fullmatch(line)
        if entry:
            names = entry[1].split(", ")
            found |= {name: [entry[2]] for name in names}
        elif line.startswith(" "):
            for name in names:
                found[name].append(line.strip())
        else:
            names = []
    return {name: " ".join(words) for name, words in found.items()}


def _lines(kind: type) -> Iterator[str]:
    for line in inspect.cleandoc(kind.__doc__ or "").splitlines():
        yield from re.split(r";\s{2,}(?=\w+: )", line)
