"""How much of the disk a framework takes: the files of its installed distributions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from trimaran.steps import probing

OURS = "trimaran"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def sizes(backends: Iterable[str]) -> dict[str, dict[str, Any]]:
    """For each backend its distributions with all they need, and the part that is only theirs:
    what Trimaran would not need without them."""
    base = {name for backend in probing.BACKENDS for name in asked(backend)}
    shared = closure(_required(OURS) - base)
    found = {}
    for backend in backends:
        whole = closure(asked(backend))
        own = whole - shared
        found[backend] = {
            "bytes": sum(size(name) for name in whole),
            "own_bytes": sum(size(name) for name in own),
            "own": {name: size(name) for name in sorted(own)},
            "shared": sorted(whole - own),
            "versions": {name: metadata.version(name) for name in sorted(asked(backend))},
        }
    return found


def asked(backend: str) -> set[str]:
    """The installed ones of the distributions that are asked for."""
    return {name for name in map(_plain, _listed(backend)) if _installed(name)}


def _listed(backend: str) -> tuple[str, ...]:
    listed: tuple[str, ...] = probing.facts(backend).DISTRIBUTIONS[backend]
    return listed


def closure(names: Iterable[str]) -> set[str]:
    """The distributions and everything installed that they need, extras left out."""
    found: set[str] = set()
    open_ = list(names)
    while open_:
        name = open_.pop()
        if name not in found and _installed(name):
            found.add(name)
            open_ += _required(name)
    return found


def _required(name: str) -> set[str]:
    """What a distribution asks for without an extra; markers for other systems fall out, because
    what they name is not installed."""
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return set()
    plain = [line for line in lines if "extra ==" not in line.partition(";")[2]]
    return {_plain(found[0]) for line in plain if (found := _NAME.match(line))}


def _plain(name: str) -> str:
    """A name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def size(name: str) -> int:
    """Bytes of a distribution's files as they lie here, compiled Python files left out, because
    these come with use."""
    files = metadata.distribution(name).files or []
    paths: Mapping[Path, None] = dict.fromkeys(
        Path(str(file.locate())) for file in files if file.suffix != ".pyc"
    )
    return sum(path.stat().st_size for path in paths if path.is_file())
