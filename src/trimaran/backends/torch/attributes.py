"""Modules inside modules, as a class constructs and reaches them: `self.blocks[0].conv`.

A dotted name ("blocks.0") is a module in a list or a dict of modules. Numbers make an
`nn.ModuleList`, whose gaps hold `nn.Identity`, and names an `nn.ModuleDict`.
"""

from __future__ import annotations

from collections.abc import Mapping

from trimaran.emit.layout import runs


def reach(around: str, name: str) -> str:
    """The expression for the module `name` in `around`, "self" or a dict of modules."""
    head, *rest = name.split(".")
    start = f"{around}.{head}" if around == "self" else f'{around}["{head}"]'
    return start + "".join(_index(part) for part in rest)


def _index(part: str) -> str:
    return f"[{part}]" if part.isdigit() else f'["{part}"]'


def dictionary(modules: Mapping[str, str]) -> str:
    """A dict that holds these modules."""
    entries = ", ".join(f'"{name}": {text}' for name, text in constructed(modules).items())
    return f"nn.ModuleDict({{{entries}}})"


def _container(modules: Mapping[str, str]) -> str:
    own = constructed(modules)
    if all(name.isdigit() for name in own):
        return f"nn.ModuleList([{', '.join(runs(filled(own)))}])"
    return dictionary(modules)


def filled(modules: Mapping[str, str]) -> list[str]:
    """The items of a list, by their numbers."""
    by_number = {int(name): text for name, text in modules.items()}
    return [by_number.get(i, "nn.Identity()") for i in range(max(by_number) + 1)]


def constructed(modules: Mapping[str, str]) -> dict[str, str]:
    """Attribute -> its construction, where the first of each container's names stands."""
    found: dict[str, str] = {}
    for name, text in modules.items():
        head, dot, _ = name.partition(".")
        if not text:
            continue
        if not dot:
            found[head] = text
        elif head not in found:
            inner = {n.partition(".")[2]: t for n, t in modules.items() if n.startswith(f"{head}.")}
            found[head] = _container(inner)
    return found
