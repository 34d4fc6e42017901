"""Nothing of ours is pickled, and nothing is left half-done."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PICKLERS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
CALLS = {"torch.save", "torch.load", "read_pickle", "to_pickle", "yaml.unsafe_load"}
WORDS = ["".join(halves) for halves in (("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("HA", "CK"))]
MARKERS = re.compile("|".join(rf"\b{word}\b" for word in WORDS))
TEXTS = (".py", ".md", ".toml", ".yaml", ".yml", ".html", ".css", ".js", ".txt")
SKIPPED = {"build", "dist", "runs", "node_modules"}


def pickling(path: Path) -> Iterator[str]:
    """Imports and calls that write or read pickles, or could."""
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call):
            yield from _call(path, node)
        for name in names:
            if name.split(".")[0] in PICKLERS or name in CALLS:
                yield f"{path.name}:{node.lineno}: {name}"  # type: ignore[attr-defined]


def _call(path: Path, node: ast.Call) -> Iterator[str]:
    name = ast.unparse(node.func)
    if any(name == call or name.endswith(f".{call}") for call in CALLS):
        yield f"{path.name}:{node.lineno}: {name}"
    if name == "yaml.load" and "Safe" not in ast.unparse(node):
        yield f"{path.name}:{node.lineno}: yaml.load without a safe loader"
    if name in ("np.load", "numpy.load"):
        safe = [k for k in node.keywords if k.arg == "allow_pickle"]
        if not (safe and ast.unparse(safe[0].value) == "False"):
            yield f"{path.name}:{node.lineno}: {name} without allow_pickle=False"


def texts(root: Path) -> Iterator[Path]:
    for top in ("src", "tests", "docs", "benchmarks", "examples", "README.md", "Makefile"):
        start = root / top
        for path in [start] if start.is_file() else sorted(start.rglob("*")):
            hidden = any(p.startswith(".") or p in SKIPPED for p in path.relative_to(root).parts)
            if path.is_file() and not hidden and (path.suffix in TEXTS or path.name == "Makefile"):
                yield path


def marked(root: Path) -> Iterator[str]:
    """Markers of work that was left for later."""
    for path in texts(root):
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if MARKERS.search(line):
                yield f"{path.relative_to(root)}:{number}: {line.strip()[:80]}"


def test_nothing_of_ours_is_pickled() -> None:
    found = [fault for path in sorted((ROOT / "src").rglob("*.py")) for fault in pickling(path)]
    assert not found, "\n".join(found)


def test_nothing_is_left_for_later() -> None:
    found = list(marked(ROOT))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "def f():\n    from joblib import dump",
        "import cloudpickle as safe",
        "torch.save(model, path)",
        "state = torch.load(path, weights_only=True)",
        "from torch import load, save",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "pandas.read_pickle(path)",
        "frame.to_pickle(path)",
        "yaml.load(text, Loader=yaml.Loader)",
    ],
)
def test_planted_pickles_are_found(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.py").write_text(text)
    assert list(pickling(tmp_path / "a.py"))


def test_what_is_safe_passes(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "import json\nnp.load(path, allow_pickle=False)\nyaml.safe_load(text)\nload_file(path)"
    )
    assert list(pickling(tmp_path / "a.py")) == []


@pytest.mark.parametrize("word", WORDS)
def test_planted_markers_are_found(tmp_path: Path, word: str) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text(f"x = 1  # {word}: later\n")
    (tmp_path / "README.md").write_text("All done.")
    (found,) = marked(tmp_path)
    assert found.startswith("src/a.py:1")
