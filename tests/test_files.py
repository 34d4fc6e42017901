"""Files are whole or absent."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from trimaran.errors import RunError
from trimaran.files import read_json, write_arrays, write_json, write_text


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"größe": [1, 2.5, None]})
    assert read_json(tmp_path / "a.json") == {"größe": [1, 2.5, None]}
    write_arrays(tmp_path / "a.npz", {"x": np.arange(6).reshape(2, 3)})
    with np.load(tmp_path / "a.npz", allow_pickle=False) as found:
        assert found["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "a.npz"]


def test_a_full_disk_leaves_the_old_file_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left on device"):
        write_text(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "{", '{"a": 1'])
def test_a_file_that_is_cut_off_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)
    with pytest.raises(RunError, match=r"a\.json cannot be read"):
        read_json(path)


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"b\.json is missing"):
        read_json(tmp_path / "b.json")


def test_a_folder_that_is_missing_is_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        RunError, match="none/a.txt could not be written .*; make the folder .*none"
    ):
        write_text(tmp_path / "none" / "a.txt", "new")
