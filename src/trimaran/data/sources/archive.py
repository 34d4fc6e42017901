"""Unpack an archive inside its folder, and nowhere else."""

from __future__ import annotations

import hashlib
import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from trimaran.data.sources.cache import cache_root
from trimaran.errors import DataError

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, zlib.error, lzma.LZMAError,
           RuntimeError)  # fmt: skip
"""What reading a damaged archive raises; a RuntimeError is a zip that wants a password."""


def is_archive(path: Path) -> bool:
    """Whether a file's name says that it is an archive."""
    return path.name.lower().endswith(ENDINGS) and path.is_file()


def opened(archive: Path) -> Path:
    """What an archive holds, unpacked once into the user's cache: a folder, or its only file.

    A folder that stands alone in the archive is entered. Raises as `unpack` does.
    """
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    kept = cache_root() / "unpacked" / digest
    if not kept.is_dir():
        draft = kept.with_name(f".{digest}.{os.getpid()}")
        try:
            unpack(archive, draft / archive.name.split(".")[0])
            draft.rename(kept)
        except OSError:
            if not kept.is_dir():  # else another process was faster
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return _alone(kept)


def _alone(folder: Path) -> Path:
    """The folder or file below which there is a choice."""
    found = [p for p in folder.iterdir() if not p.name.startswith((".", "__MACOSX"))]
    if len(found) != 1:
        return folder
    return _alone(found[0]) if found[0].is_dir() else found[0]


def unpack(archive: Path, folder: Path) -> list[Path]:
    """Write the regular files of a .tar, .tar.gz or .zip below `folder`; returns their paths.

    Every member is checked before the first one is written. Raises `DataError` for an archive
    that is damaged, or that holds a link, a device, an absolute path or a `..`.
    """
    try:
        if zipfile.is_zipfile(archive):
            return _unzip(archive, folder)
        return _untar(archive, folder)
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno:
            why = error.strerror or str(error)
            raise DataError(
                f"{archive} could not be unpacked into {folder} ({why}); make room there, or set "
                f"TRIMARAN_CACHE to another place."
            ) from error
        why = str(error).splitlines()[0].rstrip(":") if str(error) else type(error).__name__
        raise DataError(f"{archive} is not a whole archive ({why}); download it again.") from error


def _untar(archive: Path, folder: Path) -> list[Path]:
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
        for member in members:
            if not (member.isreg() or member.isdir()):
                _refuse(archive, member.name, "is a link or a device")
        files = [m for m in members if m.isreg()]
        targets = [_inside(archive, folder, m.name) for m in files]
        for member, target in zip(files, targets, strict=True):
            source = tar.extractfile(member)
            assert source is not None
            target.parent.mkdir(parents=True, exist_ok=True)
            with source, target.open("wb") as out:
                shutil.copyfileobj(source, out)
    return targets


def _unzip(archive: Path, folder: Path) -> list[Path]:
    with zipfile.ZipFile(archive) as bundle:
        members = [m for m in bundle.infolist() if not m.is_dir()]
        for member in members:
            # The upper half of the attributes is the Unix mode; 0o12 marks a symbolic link.
            if member.external_attr >> 28 == 0o12:
                _refuse(archive, member.filename, "is a link")
        targets = [_inside(archive, folder, m.filename) for m in members]
        for member, target in zip(members, targets, strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            with bundle.open(member) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out)
    return targets


def _inside(archive: Path, folder: Path, name: str) -> Path:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name.split("/")[0]:
        _refuse(archive, name, "points outside its folder")
    target = folder.joinpath(*path.parts)
    # A link that stood in the folder before could still lead elsewhere.
    if not target.resolve().is_relative_to(folder.resolve()):
        _refuse(archive, name, "points outside its folder")
    return target


def _refuse(archive: Path, name: str, why: str) -> None:
    raise DataError(
        f"{archive} was not unpacked: its member {name!r} {why}; get the archive from its "
        f"original publisher."
    )
