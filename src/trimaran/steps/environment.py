"""What a run should remember of the machine it ran on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from trimaran.version import VERSION

PACKAGES = (
    *("torch", "keras", "tensorflow", "tensorflow-cpu", "jax", "jaxlib"),
    *("numpy", "safetensors", "pydantic", "pyyaml", "pillow", "pandas", "pyarrow"),
    *("scikit-learn", "matplotlib", "jinja2", "rich", "tensorboard", "mlxtend", "polars"),
)
THREAD_SETTINGS = (
    *("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"),
    "THP_MEM_ALLOC_ENABLE",
)
CPU_FEATURES = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile", "sve", "bf16")


def facts() -> dict[str, Any]:
    """Versions, hardware, thread settings and the state of the user's git repository."""
    return {
        "trimaran": VERSION,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": versions(),
        "cpu": cpu(),
        "memory_bytes": memory(),
        "threads": {name: os.environ.get(name) for name in THREAD_SETTINGS},
        "git": git(Path.cwd()),
    }


def versions() -> dict[str, str]:
    """The versions of the packages that matter, as far as they are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def cpu() -> dict[str, Any]:
    """Model, cores that this process may use, and the features that decide its speed."""
    info = _cpuinfo()
    flags = (info.get("flags") or info.get("Features") or "").split()
    return {
        "model": info.get("model name") or platform.processor() or platform.machine(),
        "cores": cores(),
        "features": [name for name in CPU_FEATURES if name in flags],
    }


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpuinfo() -> dict[str, str]:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def memory() -> int | None:
    """Bytes of main memory, or None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def git(folder: Path) -> dict[str, Any] | None:
    """Commit and cleanliness of the repository around `folder`, or None outside of one."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    status = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "changed": bool(status)}


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
