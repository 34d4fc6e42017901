"""What a path leads to."""

import zipfile
from pathlib import Path

import pytest

from trimaran.data.sources.folder import list_folder
from trimaran.data.sources.place import place
from trimaran.errors import DataError


def test_a_folder_or_archive_around_one_table_leads_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIMARAN_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "titanic"
    folder.mkdir()
    (folder / "titanic.csv").write_text("a,y\n1,0\n")
    (folder / "README.md").write_text("about it")
    assert place(folder) == folder / "titanic.csv" == place(folder / "titanic.csv")
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as bundle:
        for file in folder.iterdir():
            bundle.write(file, f"titanic/{file.name}")
    assert place(tmp_path / "t.zip").name == "titanic.csv"


def test_where_there_is_a_choice_the_folder_stays_and_tells_what_it_holds(tmp_path: Path) -> None:
    for name in ("train.csv", "test.csv"):
        (tmp_path / name).write_text("a,y\n1,0\n")
    assert place(tmp_path) == tmp_path
    with pytest.raises(DataError, match=r"it holds test\.csv, train\.csv\); make .* or name one"):
        list_folder(tmp_path)


def test_a_folder_with_sub_folders_is_one_of_pictures(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "labels.csv").write_text("a,y\n1,0\n")
    assert place(tmp_path) == tmp_path
