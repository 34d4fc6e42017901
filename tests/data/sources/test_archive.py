"""Archives stay in their folder: each planted escape is refused before anything is written."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from trimaran.data.sources.archive import is_archive, opened, unpack
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


def zip_with(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as bundle:
        for name in names:
            bundle.writestr(name, name)
    return path


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("cat/1.png", "dog/2.png"), "pets"),
        (("pets/cat/1.png", "pets/dog/2.png", "__MACOSX/x"), "pets/pets"),
        (("deep/rows.csv",), "pets/deep/rows.csv"),
    ],
)
def test_what_stands_alone_is_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], found: str
) -> None:
    monkeypatch.setenv("TRIMARAN_CACHE", str(tmp_path / "cache"))
    archive = zip_with(tmp_path / "pets.zip", *names)
    path = opened(archive)
    assert path.as_posix().split("/unpacked/")[1].split("/", 1)[1] == found
    assert is_archive(archive) and not is_archive(tmp_path) and not is_archive(path)


def test_an_archive_is_unpacked_once_and_a_changed_one_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIMARAN_CACHE", str(tmp_path / "cache"))
    first = opened(zip_with(tmp_path / "a.zip", "x/1", "y/1"))
    (first / "x" / "1").write_text("touched")
    assert opened(tmp_path / "a.zip") == first and (first / "x" / "1").read_text() == "touched"
    assert opened(zip_with(tmp_path / "a.zip", "x/1", "y/2")) != first


def test_a_bad_archive_leaves_nothing_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIMARAN_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DataError, match="outside"):
        opened(tar_with(tmp_path / "bad.tar.gz", named("../evil")))
    whole = tar_with(tmp_path / "whole.tar.gz", named("b/rows.csv")).read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cut.tar.gz is not a whole archive"):
        opened(tmp_path / "cut.tar.gz")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_damage_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 and then nothing that is one")
    with pytest.raises(DataError, match=r"a\.zip is not a whole archive") as told:
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert "\n" not in str(told.value)
