"""The weights file: identical bytes, whole or absent, and clear words about foreign files."""

from __future__ import annotations

import json
import os
import stat
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from trimaran import spec
from trimaran.errors import RunError
from trimaran.spec.layers import BatchNormalization, Dense
from trimaran.weights import check, draw, load, metadata, save, store

MODEL = spec.sequential([Dense(4), BatchNormalization(), Dense(2)], (3,), "tiny")


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    return draw(MODEL, 0)


def test_what_is_saved_is_loaded(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    save(tmp_path / "m.safetensors", arrays, {"model": "tiny", "step": "3"})
    again = load(tmp_path / "m.safetensors")
    assert list(again) == sorted(arrays)
    for key, array in arrays.items():
        assert again[key].dtype == array.dtype and again[key].shape == array.shape
        np.testing.assert_array_equal(again[key], array)
    assert metadata(tmp_path / "m.safetensors") == {"model": "tiny", "step": "3"}
    assert os.listdir(tmp_path) == ["m.safetensors"]


@given(st.permutations(["c", "b", "a"]), st.permutations(["x", "y", "z"]))
def test_equal_content_gives_equal_bytes(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], notes: list[str]
) -> None:
    path = tmp_path_factory.mktemp("w") / "m.safetensors"
    values = {"a": np.arange(6.0).reshape(2, 3), "b": np.int64(3), "c": np.float32([1, 2])}
    save(path, {name: np.asarray(values[name]) for name in "abc"}, dict.fromkeys("xyz", "1"))
    first = path.read_bytes()
    save(path, {n: np.asarray(values[n]) for n in names}, dict.fromkeys(notes, "1"))
    assert path.read_bytes() == first


def test_torch_reads_it(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    save(tmp_path / "m.safetensors", arrays, None)
    theirs = safetensors.torch.load_file(tmp_path / "m.safetensors")
    for key, array in arrays.items():
        assert torch.equal(theirs[key], torch.from_numpy(np.asarray(array)))
        assert theirs[key].shape == array.shape  # a counter keeps rank 0


def test_what_torch_writes_is_read(tmp_path: Path) -> None:
    safetensors.torch.save_file({"w": torch.ones(2)}, tmp_path / "t.safetensors", {"format": "pt"})
    assert load(tmp_path / "t.safetensors")["w"].tolist() == [1, 1]
    assert metadata(tmp_path / "t.safetensors") == {}


def test_strides_do_not_matter(tmp_path: Path) -> None:
    array = np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1)
    save(tmp_path / "m.safetensors", {"w": array, "r": array[::-1]})
    np.testing.assert_array_equal(load(tmp_path / "m.safetensors")["w"], array)
    np.testing.assert_array_equal(load(tmp_path / "m.safetensors")["r"], array[::-1])


def test_the_file_may_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    save(tmp_path / "m.safetensors", {"w": np.zeros(1)})
    (tmp_path / "plain").touch()
    modes = [stat.S_IMODE((tmp_path / n).stat().st_mode) for n in ("m.safetensors", "plain")]
    assert modes[0] == modes[1]


def test_a_failed_write_leaves_the_old_file_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.safetensors"
    save(path, {"w": np.zeros(1)})
    before = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "save_file", full)
    with pytest.raises(RunError, match=r"m\.safetensors: .*No space left on device.*make room"):
        save(path, {"w": np.ones(1)})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.safetensors"]


def test_a_crash_before_the_rename_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.safetensors"
    save(path, {"w": np.zeros(1)})
    order: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda _: order.append("fsync"))

    def crash(*_: Any) -> None:
        order.append("rename")
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        save(path, {"w": np.ones(1)})
    assert order == ["fsync", "rename"]  # the content is on disk before the name is
    assert load(path)["w"].tolist() == [0]


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="could not be written.*choose a folder that exists"):
        save(tmp_path / "no" / "m.safetensors", {"w": np.zeros(1)})


def header(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


FOREIGN = {
    "empty": b"",
    "text": b"epoch,loss\n1,0.5\n" * 9,
    "zip (a torch.save)": b"PK\x03\x04" + bytes(200),
    "not json": header(b"{hello}"),
    "wrong offsets": header(
        json.dumps({"w": {"dtype": "F32", "shape": [9], "data_offsets": [0, 4]}}).encode()
    )
    + bytes(4),
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("read", [load, metadata])
def test_foreign_files_are_refused(tmp_path: Path, kind: str, read: Any) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(FOREIGN[kind])
    with pytest.raises(RunError, match=r"m\.safetensors: not a whole safetensors file"):
        read(path)


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    path = tmp_path / "m.safetensors"
    save(path, arrays)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(RunError, match="cut off"):
            load(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    for read in (load, metadata):
        with pytest.raises(RunError, match="no such file; give the path of a .safetensors file"):
            read(tmp_path / "no.safetensors")
        with pytest.raises(RunError, match="no such file"):
            read(tmp_path)


def test_check_accepts_the_models_own(arrays: dict[str, np.ndarray]) -> None:
    check(MODEL, arrays)


def test_check_names_what_differs(arrays: dict[str, np.ndarray]) -> None:
    del arrays["dense2.bias"]
    arrays["extra"] = np.zeros(1)
    arrays["dense1.weight"] = arrays["dense1.weight"].T
    with pytest.raises(RunError) as caught:
        check(MODEL, arrays, "old.safetensors")
    text = str(caught.value)
    assert text.startswith("old.safetensors: a checkpoint from another model than 'tiny'")
    assert "missing dense2.bias" in text and "unexpected extra" in text
    assert "dense1.weight (3, 4) instead of (4, 3)" in text


def test_check_lists_only_the_first_keys() -> None:
    with pytest.raises(RunError, match="missing dense1.weight, dense1.bias, bn1.weight and 6 more"):
        check(MODEL, {})
