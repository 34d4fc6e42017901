"""The names of layers: explicit, else by position, else kind and ordinal."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence

from trimaran.errors import DescriptionError
from trimaran.spec.graph import Graph
from trimaran.spec.layer import Layer
from trimaran.spec.layers.core import Activation


def call_names(calls: Sequence[tuple[Layer, Layer | Graph]], by_position: bool) -> list[str]:
    """One name per call of (the object called, what it became); equal objects, equal names."""
    explicit = {key.name for key, _ in calls if key.name}
    known: dict[int, str] = {}
    counts: dict[str, int] = {}
    taken: set[str] = set()
    for position, (key, op) in enumerate(calls):
        if id(key) in known:
            continue
        name = key.name or (str(position) if by_position else _ordinal(op, explicit, counts))
        if name in taken:
            raise DescriptionError(f"two layers are called {name!r}; give each its own name.")
        check_name("layer", name, by_position)
        taken.add(name)
        known[id(key)] = name
    return [known[id(key)] for key, _ in calls]


def _ordinal(op: Layer | Graph, explicit: set[str], counts: dict[str, int]) -> str:
    """The kind and the next number that no explicit name has taken."""
    kind = kind_of(op)
    while True:
        counts[kind] = counts.get(kind, 0) + 1
        name = f"{kind}{counts[kind]}"
        if name not in explicit:
            return name


def check_name(what: str, name: str, by_position: bool = False) -> None:
    """Hold that the name can be an attribute and part of a key.

    Raises:
        DescriptionError: it cannot.
    """
    fits = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) and not keyword.iskeyword(name)
    if not (fits or (by_position and name.isdigit())):
        raise DescriptionError(
            f"{what} name {name!r}: expected letters, digits and _ (it becomes an attribute of the "
            "model's source and part of its weights' names); rename it."
        )


def kind_of(op: Layer | Graph) -> str:
    """The word that names unnamed layers: conv, bn, relu, bottleneck."""
    if isinstance(op, Graph):
        return snake(op.kind)
    if isinstance(op, Activation):
        return op.activation
    return getattr(op, "KIND", "") or snake(type(op).__name__)


def snake(camel: str) -> str:
    """BasicBlock → basic_block."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", camel).lower()
