"""The user's cache folder, and files that are whole or absent."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_root() -> Path:
    """$TRIMARAN_CACHE, else $XDG_CACHE_HOME/trimaran, else ~/.cache/trimaran."""
    own = os.environ.get("TRIMARAN_CACHE")
    if own:
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "trimaran"


@contextmanager
def written(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` that takes its place once the block has ended well.

    A reader sees the old file or the new one, never half of one, also after a power cut.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        settle(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def settle(temporary: Path, target: Path) -> None:
    """Force `temporary` to disk and rename it to `target`."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, target)
