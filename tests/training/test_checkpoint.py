import errno
import os
from pathlib import Path

import numpy as np
import pytest

from trimaran.errors import RunError, TrainingError
from trimaran.training import checkpoint as room
from trimaran.training.checkpoint import Checkpoint, differences, newest, read, steps, write


def made(step: int) -> Checkpoint:
    weight = np.arange(6, dtype=np.float32).reshape(2, 3) + step
    groups = {
        "model": {"w": weight, "turned": np.asfortranarray(weight), "n": np.array(step)},
        "optimizer": {},
    }
    return Checkpoint(step, groups, {"position": {"step": step}, "value": 0.1})


def equal(a: Checkpoint, b: Checkpoint) -> bool:
    same = a.step == b.step and a.state == b.state and a.groups.keys() == b.groups.keys()
    return same and all(
        np.array_equal(a.groups[g][k], b.groups[g][k]) and a.groups[g][k].dtype == v.dtype
        for g in a.groups
        for k, v in b.groups[g].items()
    )


def test_round_trip_and_equal_bytes(tmp_path: Path) -> None:
    one, two = write(tmp_path / "a", made(3)), write(tmp_path / "b", made(3))
    assert equal(read(one), made(3))
    names = sorted(path.name for path in one.iterdir())
    assert names == ["model.safetensors", "optimizer.safetensors", "state.json"]
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in names)


def test_the_newest_are_kept(tmp_path: Path) -> None:
    for step in (1, 2, 10):
        write(tmp_path, made(step), keep=2)
    assert [path.name for path in steps(tmp_path)] == ["step-000000002", "step-000000010"]
    found = newest(tmp_path)
    assert found is not None and found.checkpoint.step == 10 and found.notices == ()
    assert newest(tmp_path / "nothing") is None


DAMAGES = {
    "a byte changed": lambda path: _change(path / "model.safetensors"),
    "cut short": lambda path: os.truncate(path / "model.safetensors", 20),
    "file lost": lambda path: (path / "optimizer.safetensors").unlink(),
    "state cut": lambda path: os.truncate(path / "state.json", 40),
    "state lost": lambda path: (path / "state.json").unlink(),
    "state edited": lambda path: _replace(path / "state.json", b"0.1", b"0.2"),
    "state foreign": lambda path: (path / "state.json").write_bytes(b"[1]"),
}


def _change(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _replace(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_newest_gives_way_to_the_one_before(tmp_path: Path, damage: str) -> None:
    write(tmp_path, made(1))
    DAMAGES[damage](write(tmp_path, made(2)))
    found = newest(tmp_path)
    assert found is not None and equal(found.checkpoint, made(1))
    assert len(found.notices) == 1 and "step-000000002 is damaged" in found.notices[0]


def test_only_damaged_checkpoints_are_an_error(tmp_path: Path) -> None:
    DAMAGES["a byte changed"](write(tmp_path, made(1)))
    with pytest.raises(RunError, match="No checkpoint in"):
        newest(tmp_path)


def test_a_damaged_checkpoint_of_the_same_step_is_replaced(tmp_path: Path) -> None:
    DAMAGES["cut short"](write(tmp_path, made(2)))
    assert equal(read(write(tmp_path, made(2))), made(2))


@pytest.mark.parametrize("fails_at", [0, 1, 2])
def test_a_full_disk_leaves_the_last_good_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    write(tmp_path, made(1))
    calls = iter(range(10))
    honest = room._write_file

    def full(path: Path, content: bytes) -> None:
        if next(calls) == fails_at:
            path.write_bytes(content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        honest(path, content)

    monkeypatch.setattr(room, "_write_file", full)
    with pytest.raises(TrainingError, match="disk is full.*step-000000001"):
        write(tmp_path, made(2))
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000001"]
    assert equal(read(steps(tmp_path)[0]), made(1))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device /dev/full")
def test_a_real_full_device_is_told_from_other_troubles(tmp_path: Path) -> None:
    with pytest.raises(OSError) as full:
        room._write_file(Path("/dev/full"), b"content")
    assert full.value.errno in room._FULL
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TrainingError, match="could not be written"):
        write(tmp_path / "file" / "folder", made(1))


def test_a_killed_draft_is_cleared_and_never_read(tmp_path: Path) -> None:
    draft = tmp_path / ".step-000000009.123"
    draft.mkdir()
    (draft / "model.safetensors").write_bytes(b"half")
    assert newest(tmp_path) is None
    write(tmp_path, made(1))
    assert not draft.exists()


def test_differences_are_named() -> None:
    assert differences({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == ["b", "c"]
