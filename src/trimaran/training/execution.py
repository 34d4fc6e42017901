"""How a run executes: a value, resolved once from settings and machine, then stored."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trimaran.errors import TrainingError
from trimaran.training.naming import build
from trimaran.training.settings import Training


@dataclass(frozen=True)
class Execution:
    """Everything about a run's execution that may change its bits or its speed.

    replay: a GPU records the calls of a batch once and then repeats them all as one
    """

    device: str = "cpu"
    precision: str = "float32"
    threads: int = 1
    channels_last: bool = True
    compile: bool = False
    fused: bool = True
    flush_denormals: bool = True
    replay: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Execution:
        return build(cls, value, "execution")


@dataclass(frozen=True)
class Machine:
    """What there is to compute with.

    cores: those this process may use;  idle: those of them that nobody used just now
    amx: the CPU multiplies bfloat16 matrices in tiles;  accelerators: device -> has bfloat16
    asked: threads that the user's environment asks for, or None
    """

    cores: int
    idle: int
    amx: bool = False
    accelerators: Mapping[str, bool] | None = None
    asked: int | None = None


def resolve(training: Training, machine: Machine) -> Execution:
    """The execution that the settings mean on this machine; no "auto" is left.

    Raises `TrainingError` for a device that the machine lacks, or more threads than cores.
    """
    found = machine.accelerators or {}
    device = training.device
    if device == "auto":
        device = next((name for name in ("cuda", "mps") if name in found), "cpu")
    if device != "cpu" and device not in found:
        raise TrainingError(
            f"The setting device asks for {device!r}, but PyTorch finds none here; available: "
            f"{', '.join(('cpu', *found))}."
        )
    precision = training.precision
    if precision == "auto":
        fast = machine.amx if device == "cpu" else found[device]
        precision = "bfloat16" if fast else "float32"
    threads = training.threads
    if isinstance(threads, str):
        threads = max(1, min(machine.asked or machine.idle, machine.cores))
    if threads > machine.cores:
        raise TrainingError(
            f"training.threads is {threads}, but this process may use {machine.cores} cores, and "
            "such a run could not be resumed; ask for fewer threads, or for auto."
        )
    replay = device == "cuda" and training.compile == "auto"
    return Execution(device, precision, threads, True, training.compile == "on", replay=replay)


def look(accelerators: Mapping[str, bool] | None = None, own: Sequence[int] = ()) -> Machine:
    """This machine's CPU, now; takes 0.1 s to see which cores are idle, unless the user chose.

    What this process and those with the ids `own` use counts as idle: it is about to be free.
    """
    cores, asked = usable_cores(), asked_threads()
    idle = cores if asked else idle_cores(cores, (os.getpid(), *own))
    return Machine(cores, idle, has_amx(), accelerators, asked)


def asked_threads() -> int | None:
    """What OMP_NUM_THREADS says, which may be a list for nested levels; None where it is no
    number above 0."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else None


def usable_cores() -> int:
    """Cores that this process may use: its affinity, cut to the quota of its control group."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(1, math.ceil(min(count, _quota())))


def _quota(root: Path = Path("/sys/fs/cgroup")) -> float:
    """CPUs that a control group (version 2, then 1) grants, or infinity."""
    try:
        limit, period = (root / "cpu.max").read_text().split()
        return math.inf if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        pass
    try:
        used = int((root / "cpu/cpu.cfs_quota_us").read_text())
        return math.inf if used <= 0 else used / int((root / "cpu/cpu.cfs_period_us").read_text())
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


def idle_cores(cores: int, own: Sequence[int] = (), seconds: float = 0.1) -> int:
    """How many of `cores` nobody but the processes `own` used during `seconds`, at least 1; all
    where none can tell."""
    before, used = _ticks(), sum(map(_used, own))
    if before is None:
        return cores
    time.sleep(seconds)
    after = _ticks() or before
    total = sum(after) - sum(before)
    idle = after[3] - before[3] + after[4] - before[4]  # idle, and waiting for a disk
    idle += sum(map(_used, own)) - used
    everywhere = (os.cpu_count() or cores) * (idle / total if total > 0 else 1.0)
    return max(1, min(cores, round(everywhere)))


def _ticks(path: Path = Path("/proc/stat")) -> list[int] | None:
    """User, nice, system, idle, iowait, irq, softirq, steal: clock ticks of all cores so far."""
    try:
        return [int(word) for word in path.read_text().split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return None


def _used(process: int, root: Path = Path("/proc")) -> int:
    """Clock ticks that a process has computed; 0 where none can tell."""
    try:
        fields = (root / str(process) / "stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    except (OSError, ValueError, IndexError):
        return 0


def has_amx(path: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the CPU has bfloat16 tiles (Intel AMX) and the kernel lets programs use them."""
    return "amx_bf16" in cpu_flags(path)


def cpu_flags(path: Path = Path("/proc/cpuinfo")) -> tuple[str, ...]:
    """The CPU's features, sorted; part of the fingerprint under which resuming is exact."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return ()
    words = next((line for line in lines if line.startswith(("flags", "Features"))), ":")
    return tuple(sorted(words.split(":", 1)[1].split()))
