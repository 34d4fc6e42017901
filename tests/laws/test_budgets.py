"""Budgets as ratchets: sizes that must not grow, with named exceptions in allow.txt."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "trimaran"
BUDGETS = {
    "file-lines": 250,
    "function-lines": 40,
    "parameters": 7,
    "class-depth": 2,
    "zoo-lines": 150,
    "kwargs": 0,
}
"""Lines are lines of code: neither blank, nor comment, nor docstring; but a zoo file counts all.
Parameters leave out self and cls; the depth of a class counts its ancestors among our own."""

Functions = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Measure:
    law: str
    place: str
    value: int


def code_lines(text: str) -> set[int]:
    """The numbers of the lines that hold code."""
    idle = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (*idle, tokenize.ENDMARKER):
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        alone = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if alone and isinstance(node.value.value, str):  # type: ignore[attr-defined]
            lines -= set(range(node.lineno, (node.end_lineno or 0) + 1))  # type: ignore[attr-defined]
    return lines


def measures(package: Path) -> Iterator[Measure]:
    bases: dict[str, list[str]] = {}
    for path in sorted(package.rglob("*.py")):
        text, where = path.read_text(), path.relative_to(package).as_posix()
        lines, tree = code_lines(text), ast.parse(text)
        yield Measure("file-lines", where, len(lines))
        if where.startswith("zoo/"):
            yield Measure("zoo-lines", where, len(text.splitlines()))
        for name, node in named(tree):
            place = f"{where}:{name}"
            if isinstance(node, ast.ClassDef):
                bases[place] = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
            else:
                yield from function_measures(place, name, node, lines)
    yield from depths(bases)


def named(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.ClassDef | Functions]]:
    """Every class and function with its dotted name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | Functions):
            yield f"{prefix}{node.name}", node
            yield from named(node, f"{prefix}{node.name}.")
        else:
            yield from named(node, prefix)


def function_measures(place: str, name: str, node: Functions, lines: set[int]) -> Iterator[Measure]:
    own = lines & set(range(node.lineno, (node.end_lineno or 0) + 1))
    yield Measure("function-lines", place, len(own))
    given = node.args
    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    yield Measure("parameters", place, len([n for n in names if n not in ("self", "cls")]))
    public = not any(part.startswith("_") for part in name.split("."))
    yield Measure("kwargs", place, int(public and given.kwarg is not None))


def depths(bases: dict[str, list[str]]) -> Iterator[Measure]:
    """How many ancestors each class has among the classes of the package."""
    own = {place.rpartition(":")[2].rpartition(".")[2]: found for place, found in bases.items()}

    def depth(names: list[str], seen: tuple[str, ...] = ()) -> int:
        ours = [name for name in names if name in own and name not in seen]
        return max((1 + depth(own[name], (*seen, name)) for name in ours), default=0)

    for place, found in bases.items():
        yield Measure("class-depth", place, depth(found))


def allowances(text: str) -> dict[tuple[str, str], int]:
    """The lines of allow.txt: law, place, value, reason."""
    found: dict[tuple[str, str], int] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            law, place, value, reason = line.split(maxsplit=3)
            assert law in BUDGETS and len(reason.split()) >= 3, f"allow.txt: no reason in {line!r}"
            found[law, place] = int(value)
    return found


def faults(package: Path, allow: str = "") -> list[str]:
    """What is over its budget, over its exception, or excepted without need."""
    allowed = allowances(allow)
    measured = {(m.law, m.place): m.value for m in measures(package)}
    over = [
        f"{place}: {law} {value}, allowed {allowed.get((law, place), BUDGETS[law])}"
        for (law, place), value in measured.items()
        if value > allowed.get((law, place), BUDGETS[law])
    ]
    stale = [
        f"allow.txt: {law} {place} is now {measured.get((law, place))}: lower or drop the line"
        for (law, place), value in allowed.items()
        if value > max(measured.get((law, place), 0), BUDGETS[law])
        or measured.get((law, place), 0) <= BUDGETS[law]
    ]
    return over + stale


def complexity(folder: Path) -> str:
    """ruff's findings of functions with more than ten paths, empty where there are none."""
    options = ["--select", "C901", "--config", "lint.mccabe.max-complexity=10"]
    command = [sys.executable, "-m", "ruff", "check", "-q", "--isolated", "--no-cache", *options]
    made = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)
    return made.stdout + made.stderr


def test_every_budget_is_kept() -> None:
    found = faults(PACKAGE, (Path(__file__).parent / "allow.txt").read_text())
    assert not found, "\n".join(found)


def test_no_function_is_a_maze() -> None:
    assert complexity(PACKAGE) == ""


BODY = "\n".join(f"    x{i} = {i}" for i in range(40))
PLANTED = {
    "file-lines": ("a.py", "\n".join(f"x{i} = {i}" for i in range(251))),
    "function-lines": ("a.py", f"def f():\n{BODY}\n"),
    "parameters": ("a.py", "def f(a, b, c, d, *, e, f, g, h): ..."),
    "class-depth": ("a.py", "class A: ...\nclass B(A): ...\nclass C(B): ...\nclass D(C): ..."),
    "zoo-lines": ("zoo/a.py", "#\n" * 151),
    "kwargs": ("a.py", "class A:\n    def f(self, **kwargs): ..."),
}


@pytest.mark.parametrize("law", PLANTED)
def test_a_planted_excess_is_found(tmp_path: Path, law: str) -> None:
    where, text = PLANTED[law]
    (tmp_path / where).parent.mkdir(exist_ok=True)
    (tmp_path / where).write_text(text)
    (found,) = faults(tmp_path)
    assert law in found and found.startswith(where)


def test_what_does_not_count(tmp_path: Path) -> None:
    comments = '"""One\ntwo."""\n\n# three\nx = (\n    1,\n)\n'
    assert code_lines(comments) == {5, 6, 7}
    (tmp_path / "a.py").write_text("def _f(**kwargs): ...\nclass A:\n    def _g(self, **kw): ...")
    assert faults(tmp_path) == []


def test_exceptions_are_ratchets(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"def f():\n{BODY}\n")
    line = "function-lines a.py:f {} it is one long table"
    assert faults(tmp_path, line.format(41)) == []
    assert "lower or drop the line" in faults(tmp_path, line.format(45))[0]
    (tmp_path / "a.py").write_text(f"def f():\n{BODY}\n    y = 1\n")
    assert faults(tmp_path, line.format(41)) == ["a.py:f: function-lines 42, allowed 41"]
    (tmp_path / "a.py").write_text("x = 1")
    assert "lower or drop the line" in faults(tmp_path, line.format(41))[0]
    with pytest.raises(AssertionError, match="no reason"):
        allowances("function-lines a.py:f 41 because")


def test_a_planted_maze_is_found(tmp_path: Path) -> None:
    branches = "\n".join(f"    if x == {i}: return {i}" for i in range(11))
    (tmp_path / "a.py").write_text(f"def f(x):\n{branches}\n")
    assert "C901" in complexity(tmp_path)
