"""Who may import what: the table of rooms, held by reading every source file.

Rooms are folders of the package; single files beside them tell the story of a run and may use
every room but the backends, which are loaded by name. Frameworks are named in backends/ alone.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "trimaran"
FRAMEWORKS = ("torch", "tensorflow", "keras", "jax", "flax")
FACES = (
    "fitting",
    "cli",
    "python",
    "estimators",
    "handle",
    "models",
    "layers",
    "datasets",
    "progress",
    "__init__",
    "__main__",
)


@dataclass(frozen=True)
class Room:
    """`uses` are rooms or modules of ours (a name covers what lies inside it)."""

    uses: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


LOWER = (
    "spec",
    "weights",
    "zoo",
    "data",
    "tasks",
    "training",
    "emit",
    "backends.protocol",
    "files",
)
ROOMS = {
    "errors": Room(),
    "version": Room(),
    "files": Room((), ("numpy",)),
    "spec": Room(),
    # h5py, late and only for keras.applications' public checkpoints, which are HDF5.
    "weights": Room(("spec",), ("numpy", "safetensors", "h5py")),
    "zoo": Room(("spec",)),
    "data": Room(
        ("files",),
        ("numpy", "PIL", "pandas", "polars", "pyarrow", "sklearn", "mlxtend", "tokenizers"),
    ),
    "tasks": Room(("spec", "data.fields"), ("numpy",)),
    "training": Room(("spec", "files", "tasks", "data"), ("numpy", "safetensors")),
    "emit": Room(("spec",)),
    "backends": Room(),
    "backends.protocol": Room(("spec", "data.batches")),
    "backends.reference": Room(LOWER, ("numpy",)),
    "backends.torch": Room((*LOWER, "backends.torch.lowering"), ("numpy", "safetensors", "torch")),
    "backends.torch.lowering": Room((), ("numpy", "scipy", "threadpoolctl")),
    "backends.keras": Room(LOWER, ("numpy",)),
    "backends.keras.worker": Room(
        (*LOWER, "backends.keras"), ("numpy", "keras", "tensorflow", "jax")
    ),
    "evaluation": Room(("backends.protocol", "spec", "files"), ("numpy",)),
    "explain": Room(
        ("backends.protocol", "spec", "zoo", "weights", "tasks", "files"), ("numpy", "matplotlib")
    ),
    "comparison": Room(
        ("backends.protocol", "spec", "weights", "tasks", "training", "data", "files"), ("numpy",)
    ),
    "report": Room(
        ("spec", "runs", "files"),
        ("numpy", "jinja2", "markupsafe", "matplotlib", "PIL", "tensorboard", "yaml"),
    ),
}
STORY = Room(
    (*LOWER, "evaluation", "explain", "comparison", "report", "steps", "*"),
    ("numpy", "pydantic", "yaml"),
)
"""recipe.py, runs.py, workflow.py, the other single files and steps/; `*` is each other."""
ROOMS["steps"] = STORY
FACE = Room(
    ("*", *LOWER, "evaluation", "explain", "report", "steps", *FACES),
    ("numpy", "pandas", "rich", "safetensors", "sklearn", "yaml", "IPython"),
)


def room_of(module: str) -> str:
    """The room of a module: spec.layers.core → spec; backends are rooms of their own, and so are
    the process in which Keras computes, and what PyTorch traced without PyTorch."""
    for inner in ("backends.keras.worker", "backends.torch.lowering"):
        if module.startswith(inner):
            return inner
    first, _, rest = module.partition(".")
    return f"{first}.{rest.partition('.')[0]}" if first == "backends" and rest else first


def rules(room: str, single: bool) -> Room:
    if room in ROOMS:
        return ROOMS[room]
    if room in FACES:
        return FACE
    return STORY if single else Room()


def faults(package: Path) -> Iterator[str]:
    """Every import that the table does not allow."""
    singles = {path.stem for path in package.glob("*.py")}
    for path in sorted(package.rglob("*.py")):
        module = ".".join(path.relative_to(package).with_suffix("").parts)
        room = room_of(module)
        rule = rules(room, room in singles)
        for line, target in imports(path, package):
            if not allowed(room, rule, target, singles):
                yield f"{path.relative_to(package)}:{line}: {room} may not import {target}"


def allowed(room: str, rule: Room, target: str, singles: set[str]) -> bool:
    top = target.partition(".")[0]
    if top != package_name():
        return top in sys.stdlib_module_names or top in rule.others
    inside = target.partition(".")[2] or "__init__"
    if room_of(inside) == room or inside in ("errors", "version"):
        return True
    free = "*" in rule.uses and (room_of(inside) in singles - set(FACES))
    return free or any(inside == use or inside.startswith(f"{use}.") for use in rule.uses)


def package_name() -> str:
    return "trimaran"


def imports(path: Path, package: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported, also by name inside `import_module("...")`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = relative(path, package, node.level, base)
            for alias in node.names:
                deeper = package.parent / Path(*base.split("."), alias.name)
                found = deeper.is_dir() or deeper.with_suffix(".py").is_file()
                yield node.lineno, f"{base}.{alias.name}" if found else base
        elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func) and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and str(name.value).split(".")[0] in FRAMEWORKS:
                yield node.lineno, str(name.value)


def relative(path: Path, package: Path, level: int, base: str) -> str:
    parts = path.relative_to(package.parent).parts[:-level]
    return ".".join([*parts, base]).rstrip(".")


def test_every_import_is_allowed_by_the_table() -> None:
    found = list(faults(PACKAGE))
    assert not found, "\n".join(found)


def test_every_folder_is_a_room() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert folders <= {*ROOMS, *FACES}


PLANTED = {
    "spec/x.py": "import numpy",
    "spec/layers/y.py": "from trimaran.weights import draw",
    "spec/z.py": "from ..weights import draw",
    "weights/x.py": "import torch.nn",
    "zoo/x.py": "from trimaran import weights",
    "training/x.py": "def late():\n    from torch import nn",
    "evaluation/x.py": "from trimaran.backends.torch import build",
    "explain/x.py": "import trimaran.backends.reference.build",
    "report/x.py": "from trimaran.data import prepare",
    "tasks/x.py": "from trimaran.data.batches import Rows",
    "backends/reference/x.py": "import torch",
    "backends/torch/x.py": "import tensorflow",
    "backends/keras/x.py": "import keras",
    "workflow.py": "import importlib\nimportlib.import_module('torch')",
    "recipe.py": "from trimaran.cli import main",
    "cli/x.py": "from trimaran.backends.torch import loop",
    "data/x.py": "import requests",
    "newroom/x.py": "import numpy",
}


@pytest.mark.parametrize("where", PLANTED)
def test_a_planted_import_is_found(tmp_path: Path, where: str) -> None:
    package = tmp_path / "trimaran"
    for room in ("weights", "data", "cli", "backends/torch", "backends/reference"):
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").touch()
    for name in ("weights/draw", "data/prepare", "data/batches", "backends/torch/build"):
        (package / f"{name}.py").touch()
    (package / where).parent.mkdir(parents=True, exist_ok=True)
    (package / where).write_text(PLANTED[where])
    (found,) = faults(package)
    assert found.startswith(where)


LEGAL = {
    "spec/x.py": "import json\nfrom trimaran.errors import DescriptionError\nfrom . import y",
    "tasks/x.py": "from trimaran.data.fields import Image",
    "workflow.py": "from trimaran import recipe, training\nimport yaml",
    "recipe.py": "from trimaran.data import settings",
    "cli/x.py": "from trimaran import workflow\nimport rich.progress",
    "backends/torch/x.py": "import torch\nfrom trimaran.training import events",
}


def test_what_the_table_allows_passes(tmp_path: Path) -> None:
    package = tmp_path / "trimaran"
    (package / "training").mkdir(parents=True)
    for where, text in sorted(LEGAL.items()):
        (package / where).parent.mkdir(parents=True, exist_ok=True)
        (package / where).write_text(text)
    assert list(faults(package)) == []


BLOCKED = """
import sys
from importlib import import_module

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {frameworks}:
            raise ModuleNotFoundError(f"No module named {{name!r}} (blocked)", name=name)

sys.meta_path.insert(0, Blocker())
for module in sys.argv[1:]:
    import_module(module)
"""


def modules(package: Path, room: str) -> list[str]:
    inside = package / Path(*room.split("."))
    files = sorted(inside.rglob("*.py")) if inside.is_dir() else [inside.with_suffix(".py")]
    dotted = [".".join(path.relative_to(package.parent).with_suffix("").parts) for path in files]
    inner = "trimaran.backends.keras.worker."
    return [
        name.removesuffix(".__init__")
        for name in dotted
        if not name.endswith("__main__") and not name.startswith(inner)
    ]


def in_clean_process(package: Path, *rooms: str) -> subprocess.CompletedProcess[str]:
    code = BLOCKED.format(frameworks=FRAMEWORKS)
    named = [module for room in rooms for module in modules(package, room)]
    return subprocess.run(
        [sys.executable, "-c", code, *named],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(package.parent), "PATH": "", "HOME": "/nonexistent"},
        check=False,
    )


BOUND = ("backends", "backends.torch", "backends.keras.worker")
FREE = [room for room in (*ROOMS, "cli") if room not in BOUND]


@pytest.mark.parametrize("room", FREE)
def test_framework_free_rooms_import_where_no_framework_is(room: str) -> None:
    made = in_clean_process(PACKAGE, room)
    assert made.returncode == 0, made.stderr


def test_single_files_import_where_no_framework_is() -> None:
    names = {path.stem for path in PACKAGE.glob("*.py")} - {*ROOMS, "__main__"}
    made = in_clean_process(PACKAGE, *sorted(names))
    assert made.returncode == 0, made.stderr


def test_a_planted_framework_is_found_by_the_clean_process(tmp_path: Path) -> None:
    package = tmp_path / "trimaran"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "sly.py").write_text("__import__('to' + 'rch')")
    made = in_clean_process(package, "sly")
    assert made.returncode != 0 and "blocked" in made.stderr
