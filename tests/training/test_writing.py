"""What came of each try to write a file."""

from __future__ import annotations

import warnings
from pathlib import Path

from trimaran import zoo
from trimaran.comparison.problem import invented
from trimaran.files import read_json
from trimaran.training.probe import ANSWER, Task
from trimaran.training.writing import Kind, write_all
from trimaran.weights import draw


def folder_of(path: Path) -> None:
    path.mkdir()
    (path / "a").write_bytes(b"123")
    (path / "b").write_bytes(b"4567")


def going(path: Path) -> None:
    warnings.warn("this is deprecated; take that", DeprecationWarning, stacklevel=1)
    path.write_bytes(b"1")


def broken(path: Path) -> None:
    raise ImportError("no writer\nhere")


def nothing(path: Path) -> None:
    """Writes nothing and says nothing."""


def test_each_try_is_told(tmp_path: Path) -> None:
    model = zoo.build("xor-mlp")
    rows, goal = invented(model, 2)
    task = Task(
        "torch", "", model, draw(model, 0), dict(rows.inputs), dict(rows.targets), goal, 1, 1
    )
    task.write(tmp_path)
    made = (folder_of, going, broken, nothing)
    write_all(tmp_path, lambda task: tuple(Kind(f.__name__, "", "x", f) for f in made))
    found = {one["name"]: one for one in read_json(tmp_path / ANSWER)["formats"]}
    assert found["folder_of"]["written"] and found["folder_of"]["size"] == 7
    assert found["going"]["remark"] == "this is deprecated; take that"
    assert found["broken"]["reason"] == "ImportError: no writer" and not found["broken"]["written"]
    assert "nothing was written" in found["nothing"]["reason"]
