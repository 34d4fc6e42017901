"""Lines no longer than 100 columns, broken as a formatter would break them."""

from __future__ import annotations

import re

WIDTH = 100
LOOP = " for _ in range("


def wrap(line: str) -> list[str]:
    """The line, or, where it is too long, its outermost brackets opened over several lines."""
    if len(line) <= WIDTH:
        return [line]
    opened = _outermost(line)
    if opened is None:
        return [line]
    start, end = opened
    indent = re.match(r" *", line).group()  # type: ignore[union-attr]
    head, inside, tail = line[: start + 1], line[start + 1 : end], line[end:]
    inner = f"{indent}    {inside}"
    if head.endswith("[") and LOOP in inside and len(split(inside)) == 1:
        return [head, *_comprehension(inner), f"{indent}{tail}"]
    if len(inner) <= WIDTH and not _is_display(head):
        return [head, inner, f"{indent}{tail}"]
    items = [f"{indent}    {item}," for item in split(inside)]
    return [head, *(w for item in items for w in wrap(item)), f"{indent}{tail}"]


def _comprehension(line: str) -> list[str]:
    """What stands within its brackets: no comma may end it."""
    if len(line) <= WIDTH:
        return [line]
    element, _, count = line.rpartition(LOOP)
    indent = re.match(r" *", line).group()  # type: ignore[union-attr]
    return [*wrap(element), f"{indent}{LOOP.lstrip()}{count}"]


def _is_display(head: str) -> bool:
    """Whether the bracket opens a literal, which is written one item a line."""
    return head.endswith(("{", "["))


def _outermost(line: str) -> tuple[int, int] | None:
    """The longest bracket pair that stands at depth one; the last one of equals."""
    depth, start, found = 0, 0, None
    for position, letter in enumerate(line):
        if letter in "([{":
            depth += 1
            start = position if depth == 1 else start
        elif letter in ")]}":
            depth -= 1
            longer = found is None or position - start >= found[1] - found[0]
            found = (start, position) if depth == 0 and longer else found
    return found


def split(text: str) -> list[str]:
    """The items between the commas at depth zero."""
    items, depth, start = [], 0, 0
    for position, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            items.append(text[start:position].strip())
            start = position + 1
    return [item for item in [*items, text[start:].strip()] if item]


def runs(items: list[str]) -> list[str]:
    """Equal neighbours as one comprehension: `*[Block(64) for _ in range(3)]`."""
    grouped: list[tuple[str, int]] = []
    for item in items:
        if grouped and grouped[-1][0] == item:
            grouped[-1] = (item, grouped[-1][1] + 1)
        else:
            grouped.append((item, 1))
    return [i if n == 1 else f"*[{i}{LOOP}{n})]" for i, n in grouped]


def collapse(line: str) -> str:
    """A line that constructs an `nn.Sequential`, its equal neighbours as comprehensions."""
    head, mark, rest = line.partition("nn.Sequential(")
    if not mark or not rest.endswith(")"):
        return line
    return f"{head}{mark}{', '.join(runs(split(rest[:-1])))})"
