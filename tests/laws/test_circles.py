"""No module of ours imports itself by way of others, not even from inside a function.

An import that is only for the type checker binds nothing at run time and does not count. A
package is its `__init__.py`: importing one of its modules is not importing the package.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "trimaran"

Graph = dict[str, dict[str, int]]
"""Module → the modules that it imports, and the line of each import."""


def graph(package: Path) -> Graph:
    """Who imports whom, among the modules of the package."""
    names = {_name(path, package): path for path in sorted(package.rglob("*.py"))}
    return {
        name: {
            target: line
            for line, wanted in _imports(ast.parse(path.read_text()), _home(name, path))
            if (target := _module(wanted, names)) is not None
        }
        for name, path in names.items()
    }


def _name(path: Path, package: Path) -> str:
    dotted = ".".join(path.relative_to(package.parent).with_suffix("").parts)
    return dotted.removesuffix(".__init__")


def _home(name: str, path: Path) -> str:
    """The package in which a module stands, which relative imports start from."""
    return name if path.stem == "__init__" else name.rpartition(".")[0]


def _module(wanted: str, names: dict[str, Path]) -> str | None:
    """The module behind `package.module.name`; None for one that is not ours."""
    return next((n for n in (wanted, wanted.rpartition(".")[0]) if n in names), None)


def _imports(node: ast.AST, home: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of each import below a node, also of `import_module("...")`."""
    match node:
        case ast.If() if "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.orelse:
                yield from _imports(child, home)
            return
        case ast.Import():
            yield from ((node.lineno, alias.name) for alias in node.names)
        case ast.ImportFrom():
            base = _base(node, home)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        case ast.Call(args=[ast.Constant(value=str(name)), *_]):
            if "import" in ast.unparse(node.func):
                yield node.lineno, name
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, home)


def _base(node: ast.ImportFrom, home: str) -> str:
    if not node.level:
        return node.module or ""
    parts = home.split(".")
    kept = parts[: len(parts) - node.level + 1]
    return ".".join([*kept, *([node.module] if node.module else [])])


def circles(found: Graph) -> list[str]:
    """A shortest circle of each knot of modules, as text that names the line of each import."""
    told, seen = [], set[str]()
    for name in found:
        way = None if name in seen else _way_back(found, name)
        if way:
            seen.update(_knot(found, name))
            told.append(_words(found, way))
    return told


def _way_back(found: Graph, start: str) -> list[str] | None:
    """The shortest way from a module over its imports to itself."""
    ways, reached = [[start]], set[str]()
    for way in ways:
        for target in found[way[-1]]:
            if target == start:
                return [*way, start]
            if target not in reached:
                reached.add(target)
                ways.append([*way, target])
    return None


def _knot(found: Graph, name: str) -> set[str]:
    """The modules that a module reaches and that reach it."""
    reached = {other: _reached(found, other) for other in found}
    return {other for other in reached[name] if name in reached[other]}


def _reached(found: Graph, start: str) -> set[str]:
    reached, open_ = set[str](), [start]
    while open_:
        new = [target for target in found[open_.pop()] if target not in reached]
        reached.update(new)
        open_ += new
    return reached


def _words(found: Graph, way: list[str]) -> str:
    steps = zip(way[:-1], way[1:], strict=True)
    return " → ".join([f"{name}:{found[name][target]}" for name, target in steps] + [way[-1]])


def test_no_module_imports_itself_by_way_of_others() -> None:
    found = circles(graph(PACKAGE))
    assert not found, "\n".join(found)


def plant(root: Path, files: dict[str, str]) -> list[str]:
    """The circles among these files of a package."""
    for name, text in files.items():
        path = root / "trimaran" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return circles(graph(root / "trimaran"))


PLANTED = {
    "two modules": {"a.py": "import trimaran.b", "b.py": "from trimaran import a"},
    "inside a function": {
        "a.py": "def f():\n    from trimaran.b import g",
        "b.py": "from trimaran.a import f",
    },
    "by way of a third": {
        "a.py": "from trimaran.b import x",
        "b.py": "from trimaran.room import y",
        "room/__init__.py": "from trimaran.room.c import y",
        "room/c.py": "from ..a import z",
    },
    "a module and its package": {
        "room/__init__.py": "from trimaran.room.c import y",
        "room/c.py": "from trimaran.room import x",
    },
    "relative": {"room/c.py": "from . import d", "room/d.py": "from .c import y"},
    "by name": {"a.py": "import_module('trimaran.b')", "b.py": "from trimaran import a"},
    "else of TYPE_CHECKING": {
        "a.py": "if TYPE_CHECKING:\n    x = 1\nelse:\n    from trimaran import b",
        "b.py": "from trimaran import a",
    },
    "itself": {"a.py": "import trimaran.a"},
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_circle_is_found(tmp_path: Path, kind: str) -> None:
    (found,) = plant(tmp_path, PLANTED[kind])
    assert " → " in found


def test_a_circle_is_told_with_its_lines(tmp_path: Path) -> None:
    (found,) = plant(tmp_path, PLANTED["inside a function"])
    assert found == "trimaran.a:2 → trimaran.b:1 → trimaran.a"


def test_every_knot_is_told_once(tmp_path: Path) -> None:
    pairs = {
        f"{one}.py": f"from trimaran import {other}"
        for one, other in [("a", "b"), ("b", "a"), ("c", "d"), ("d", "c"), ("e", "a")]
    }
    assert len(plant(tmp_path, pairs)) == 2


LEGAL = {
    "for the type checker": {
        "a.py": "if TYPE_CHECKING:\n    from trimaran.b import B",
        "b.py": "from trimaran.a import A",
    },
    "typing.TYPE_CHECKING": {
        "a.py": "import typing\nif typing.TYPE_CHECKING:\n    from trimaran.b import B",
        "b.py": "from trimaran.a import A",
    },
    "a package and its modules": {
        "room/__init__.py": "from trimaran.room.c import x",
        "room/c.py": "from trimaran.room import d\nfrom trimaran.room.d import y",
        "room/d.py": "import json",
    },
    "a diamond": {
        "a.py": "from trimaran import b, c",
        "b.py": "from trimaran import d",
        "c.py": "from trimaran import d",
        "d.py": "",
    },
    "a name like a module": {"a.py": "from trimaran.b import a", "b.py": "a = 1"},
}


@pytest.mark.parametrize("kind", LEGAL)
def test_what_is_no_circle_passes(tmp_path: Path, kind: str) -> None:
    assert plant(tmp_path, LEGAL[kind]) == []
