"""Archives stay in their folder: each planted escape is refused before anything is written."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from trimaran.data.sources.archive import unpack
from trimaran.errors import DataError


def tar_with(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        good = tarfile.TarInfo("good/a.txt")
        good.size = 2
        tar.addfile(good, io.BytesIO(b"hi"))
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def named(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def test_regular_files_are_written(tmp_path: Path) -> None:
    written = unpack(tar_with(tmp_path / "a.tar.gz"), tmp_path / "out")
    assert [p.relative_to(tmp_path / "out").as_posix() for p in written] == ["good/a.txt"]
    assert written[0].read_text() == "hi"


@pytest.mark.parametrize(
    ("member", "why"),
    [
        (named("../evil"), "outside"),
        (named("a/../../evil"), "outside"),
        (named("/etc/evil"), "outside"),
        (named("C:/evil"), "outside"),
        (named("link", tarfile.SYMTYPE, "/etc"), "link or a device"),
        (named("hard", tarfile.LNKTYPE, "good/a.txt"), "link or a device"),
        (named("pipe", tarfile.FIFOTYPE), "link or a device"),
    ],
)
def test_escapes_are_refused_whole(tmp_path: Path, member: tarfile.TarInfo, why: str) -> None:
    with pytest.raises(DataError, match=f"{member.name}.*{why}"):
        unpack(tar_with(tmp_path / "bad.tar.gz", member), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_link_that_stood_in_the_folder_before(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "away").mkdir()
    (tmp_path / "out" / "good").symlink_to(tmp_path / "away")
    with pytest.raises(DataError, match="outside"):
        unpack(tar_with(tmp_path / "a.tar.gz"), tmp_path / "out")


def test_zip(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("d/a.txt", "hi")
    assert unpack(path, tmp_path / "out")[0].read_text() == "hi"


@pytest.mark.parametrize("name", ["../evil", "/evil", "..\\evil"])
def test_zip_escapes(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as bundle:
        bundle.writestr(name, "x")
    with pytest.raises(DataError, match="outside"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_zip_link(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as bundle:
        bundle.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="is a link"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_damaged_archive_names_itself(tmp_path: Path) -> None:
    whole = tar_with(tmp_path / "a.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[:40])
    with pytest.raises(DataError, match="cut.tar.gz is not a whole archive"):
        unpack(tmp_path / "cut.tar.gz", tmp_path / "out")
