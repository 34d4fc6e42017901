import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trimaran.errors import TrainingError
from trimaran.training import execution as room
from trimaran.training.execution import Execution, Machine, resolve
from trimaran.training.settings import Training

PLAIN, AMX = Machine(4, 3), Machine(4, 3, amx=True)


def test_auto_takes_idle_cores_and_bfloat16_only_where_it_is_fast() -> None:
    assert resolve(Training(), PLAIN) == Execution("cpu", "float32", 3)
    assert resolve(Training(), AMX) == Execution("cpu", "bfloat16", 3)
    gpu = Machine(4, 4, accelerators={"cuda": True})
    assert resolve(Training(), gpu) == Execution("cuda", "bfloat16", 4, replay=True)
    assert not resolve(Training(compile="off"), gpu).replay
    assert resolve(Training(), Machine(4, 4, True, {"mps": False})).precision == "float32"


def test_what_is_asked_for_is_kept() -> None:
    asked = Training(device="cpu", precision="float32", threads=4, compile="on")
    gpu = Machine(4, 1, True, {"cuda": True})
    assert resolve(asked, gpu) == Execution("cpu", "float32", 4, compile=True)


def test_more_threads_than_cores_are_refused() -> None:
    with pytest.raises(TrainingError, match="threads is 7, but this process may use 4 cores"):
        resolve(Training(threads=7), PLAIN)


def test_there_is_always_a_thread() -> None:
    assert resolve(Training(), Machine(1, 0)).threads == 1


@pytest.mark.parametrize(
    ("value", "threads"),
    [("1", 1), ("2", 2), ("2,4", 2), ("64", 4), ("", 3), ("0", 3), ("many", 3)],
)
def test_the_users_number_of_threads_comes_first(
    monkeypatch: pytest.MonkeyPatch, value: str, threads: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    monkeypatch.setattr(room, "usable_cores", lambda: 4)
    monkeypatch.setattr(room, "idle_cores", lambda cores, own: 3)
    assert resolve(Training(), room.look()).threads == threads
    assert resolve(Training(threads=3), room.look()).threads == 3


def test_a_missing_device_is_named() -> None:
    with pytest.raises(TrainingError, match="'cuda'.*available: cpu"):
        resolve(Training(device="cuda"), PLAIN)


def test_json_round_trip() -> None:
    made = Execution("cpu", "bfloat16", 2)
    assert Execution.from_json(made.to_json()) == made


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, math.inf),
        ({"cpu.max": "max 100000"}, math.inf),
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, math.inf),
        ({"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 0.5),
    ],
)
def test_control_groups(tmp_path: Path, files: dict[str, str], expected: float) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert room._quota(tmp_path) == expected


def test_a_quota_limits_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_quota", lambda: 0.5)
    assert room.usable_cores() == 1
    monkeypatch.setattr(room, "_quota", lambda: math.inf)
    if hasattr(os, "sched_getaffinity"):
        assert room.usable_cores() == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("busy", "expected"), [(0, 2), (10, 1), (19, 1), (20, 1), (4, 2)])
def test_idle_cores_by_ticks(monkeypatch: pytest.MonkeyPatch, busy: int, expected: int) -> None:
    # Two cores tick 20 times: `busy` of them for others.
    samples = iter([[0] * 8, [busy, 0, 0, 20 - busy, 0, 0, 0, 0]])
    monkeypatch.setattr(room, "_ticks", lambda: next(samples))
    monkeypatch.setattr(room.os, "cpu_count", lambda: 2)
    assert room.idle_cores(2, seconds=0.0) == expected


def test_without_proc_all_cores_count_as_idle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(room, "_ticks", lambda: None)
    assert room.idle_cores(3) == 3
    assert room.cpu_flags(tmp_path / "none") == () and not room.has_amx(tmp_path / "none")


def test_cpu_flags(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text("processor: 0\nflags\t\t: sse avx amx_bf16\nbugs: x\n")
    assert room.cpu_flags(path) == ("amx_bf16", "avx", "sse") and room.has_amx(path)
    path.write_text("processor: 0\nflags\t\t: sse\n")
    assert not room.has_amx(path)


def test_this_machine_can_be_looked_at() -> None:
    found = room.look()
    assert 1 <= found.idle <= found.cores


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")
def test_what_our_own_processes_use_is_as_good_as_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that imports its framework must not cost the run that waits for it a thread."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.3)
        used = room._used(busy.pid)
        time.sleep(0.5)
        assert room._used(busy.pid) > used > 0
    finally:
        busy.kill()
        busy.wait()
    samples = iter([[0, 0, 0, 0, 0, 0, 0, 0], [50, 0, 0, 50, 0, 0, 0, 0]])  # one of two is busy
    monkeypatch.setattr(room, "_ticks", lambda: next(samples))
    own = iter([0, 50])
    monkeypatch.setattr(room, "_used", lambda process: next(own))
    assert room.idle_cores(2, [7], 0.0) == 2
