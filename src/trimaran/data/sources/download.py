"""Fetch a public file: pinned by size and SHA-256, resumed when cut off, verified before use."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trimaran.data.sources.cache import settle
from trimaran.errors import DataError

Progress = Callable[[int, int], None]  # bytes so far, bytes in all
_BLOCK = 1 << 18


@dataclass(frozen=True)
class Pinned:
    """A public file: its name, its size in bytes and its SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str


class Unreachable(DataError):
    """No mirror gave the file; the data may still be found elsewhere."""


def fetch(
    file: Pinned,
    mirrors: Sequence[str],
    folder: Path,
    progress: Progress | None = None,
    tries: int = 4,
    pause: float = 0.5,
) -> Path:
    """The verified file in `folder`, downloaded from the first of `mirrors` that has it.

    `mirrors` are URLs of folders. What was fetched so far waits in `NAME.part`, and the next try
    asks for the rest only. Raises `Unreachable` where no mirror answers to the end, and
    `DataError` where the bytes are not the published ones.
    """
    target = folder / file.name
    if target.is_file() and target.stat().st_size == file.size:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{file.name}.part"
    with _alone(part):
        if target.is_file() and target.stat().st_size == file.size:
            return target  # another process fetched it while this one waited
        source = _fill(file, mirrors, part, progress, tries, pause)
        _verify(file, part, source)
        settle(part, target)
    return target


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fill(
    file: Pinned,
    mirrors: Sequence[str],
    part: Path,
    progress: Progress | None,
    tries: int,
    pause: float,
) -> str:
    """Grow `part` to its full size and return the URL that completed it."""
    from http.client import HTTPException

    reason = "no mirror is known"
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{file.name}"
        for _ in range(tries):
            had = _size(part)
            try:
                _continue(url, file, part, progress)
                return url
            except (OSError, HTTPException) as error:
                reason = str(error)
            if _size(part) <= had:
                break  # nothing came at all: the next mirror may do better
            time.sleep(pause)
    raise Unreachable(
        f"{file.name} could not be downloaded from {' or '.join(mirrors) or 'anywhere'} (last: "
        f"{reason}); check the network, or put the file into the folder of its set in "
        f"$TRIMARAN_DATA."
    )


def _continue(url: str, file: Pinned, part: Path, progress: Progress | None) -> None:
    """Ask for the bytes that `part` still lacks; raises OSError where the reply ends early."""
    import urllib.request  # brings ssl along, which most runs never need

    had = _size(part)
    if had > file.size:
        part.unlink()
        had = 0
    if had == file.size:
        return
    headers = {"User-Agent": "trimaran", "Accept-Encoding": "identity"}
    if had:
        headers["Range"] = f"bytes={had}-"
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=20) as reply:
        resumes = reply.status == 206 and reply.headers.get("Content-Range", "").startswith(
            f"bytes {had}-"
        )
        with part.open("ab" if had and resumes else "wb") as out:
            _copy(reply, out, file, progress)
    if _size(part) < file.size:
        raise OSError(f"the reply ended after {_size(part)} of {file.size} bytes")


def _copy(reply: IO[bytes], out: IO[bytes], file: Pinned, progress: Progress | None) -> None:
    # One byte more than expected is enough to prove another file, and it fills no disk.
    while block := reply.read(min(_BLOCK, file.size + 1 - out.tell())):
        out.write(block)
        if progress is not None:
            progress(out.tell(), file.size)


def _verify(file: Pinned, part: Path, url: str) -> None:
    size, found = _size(part), digest(part)
    if size == file.size and found == file.sha256:
        return
    part.unlink()
    raise DataError(
        f"{url} is not the published {file.name}: expected {file.size} bytes with SHA-256 "
        f"{file.sha256}, got {size} bytes with {found}; it was deleted, so try again later or "
        f"from another network."
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@contextmanager
def _alone(part: Path) -> Iterator[None]:
    """Hold a lock beside `part`, so that two processes never grow one file together."""
    if os.name != "posix":  # other systems keep the digest as their only guard
        yield
        return
    import fcntl

    with part.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
