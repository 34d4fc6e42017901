"""Whether files of some kinds can be written here: what came of each try."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trimaran.files import write_json
from trimaran.training.probe import ANSWER, Task, first_line

Write = Callable[[Path], None]


@dataclass(frozen=True)
class Kind:
    """A file or folder that a framework may write; `of`: "deployment" or "visualization".

    write: takes the path to write to;  name: of what is written there
    """

    name: str
    about: str
    file: str
    write: Write
    of: str = "deployment"


@dataclass(frozen=True)
class Tried:
    """What came of a try: `reason` says why not, `remark` what the framework warned of."""

    name: str
    about: str
    of: str
    written: bool
    size: int = 0
    seconds: float = 0.0
    reason: str = ""
    remark: str = ""


def write_all(folder: Path, kinds: Callable[[Task], tuple[Kind, ...]]) -> None:
    """Try every kind for the task in `folder`; the answer is kept after each, so that a process
    that dies still tells what went before."""
    task = Task.read(folder)
    found: list[Mapping[str, Any]] = []
    for kind in kinds(task):
        found.append(asdict(_tried(kind)))
        write_json(folder / ANSWER, {"formats": found})


def _tried(kind: Kind) -> Tried:
    named = (kind.name, kind.about, kind.of)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        path = Path(folder) / kind.file
        began = time.perf_counter()
        try:
            kind.write(path)
        except Exception as fault:
            return Tried(*named, False, reason=first_line(fault))
        seconds = time.perf_counter() - began
        size = _size(path)
        if not size:
            return Tried(*named, False, reason="nothing was written, and no error was raised")
        return Tried(*named, True, size, seconds, remark=_remark(told))


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(file.stat().st_size for file in files)


def _remark(told: list[warnings.WarningMessage]) -> str:
    """The first warning that something will go away."""
    going = (DeprecationWarning, FutureWarning, PendingDeprecationWarning)
    lines = [str(one.message).strip() for one in told if issubclass(one.category, going)]
    return next((line.splitlines()[0][:200] for line in lines if "eprecat" in line), "")
