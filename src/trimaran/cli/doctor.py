"""`trimaran doctor`: what this machine offers, and what stands in the way."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from trimaran.cli.parsing import Parser, answer, verb
from trimaran.words import size


def parser() -> Parser:
    """The command line of the verb."""
    return verb(
        "doctor",
        "Look at this machine: versions, cores and their features, speed, memory, disk and data.",
        "trimaran doctor --json",
    )


def run(args: argparse.Namespace) -> int:
    """Look, print, and fail with 1 where training could not work."""
    found = examine()
    answer(args, found, "\n".join(lines(found)))
    return 1 if found["problems"] else 0


def examine() -> dict[str, Any]:
    """Everything as one JSON object; `problems` holds a sentence for each thing to mend."""
    from trimaran.steps import environment

    speed = speeds()  # first: the backend sets the threads' environment
    facts = environment.facts()
    disk = shutil.disk_usage(Path.cwd())
    found = {
        **facts,
        "speed": speed,
        "disk_free_bytes": disk.free,
        "data": data(),
        "backends": backends(facts["packages"]),
    }
    return found | {"problems": problems(found)}


def speeds() -> dict[str, Any]:
    """What the backend reaches here, or why it cannot be used."""
    try:
        return dict(import_module("trimaran.backends.torch.speed").measure())
    except ImportError as error:
        return {"error": str(error)}


VERSIONS = ("torch", "keras", "tensorflow", "tensorflow-cpu", "jax", "numpy")


def backends(packages: Mapping[str, str]) -> list[str]:
    """Those that are installed, by the versions of packages."""
    needed = {
        "torch": (("torch",),),
        "tensorflow": (("keras",), ("tensorflow", "tensorflow-cpu")),
        "jax": (("keras",), ("jax",)),
    }
    return [
        name
        for name, groups in needed.items()
        if all(any(package in packages for package in group) for group in groups)
    ]


def _backends(here: list[str]) -> str:
    absent = [name for name in ("tensorflow", "jax") if name not in here]
    remedy = f'; {" and ".join(absent)} by: pip install "trimaran[keras]"' if absent else ""
    return f"backends: {', '.join(here) or 'none'}{remedy}"


def data() -> dict[str, Any]:
    """Which named sets are here, and where from."""
    from trimaran.data.sources.bundled import BUNDLED
    from trimaran.data.sources.cache import cache_root
    from trimaran.data.sources.named import NAMED

    own = os.environ.get("TRIMARAN_DATA")
    places = [Path(own)] if own else []
    places.append(cache_root() / "data")
    here = {
        name: next((str(place / name) for place in places if (place / name).is_dir()), None)
        for name in NAMED
    }
    return {"TRIMARAN_DATA": own, "sets": here, "bundled": list(BUNDLED)}


def problems(found: dict[str, Any]) -> list[str]:
    """A sentence each."""
    told = []
    if "error" in found["speed"]:
        told.append(f"PyTorch cannot be imported ({found['speed']['error']}); install it.")
    if found["disk_free_bytes"] < 1_000_000_000:
        told.append(f"Only {size(found['disk_free_bytes'])} of disk are free here; make room.")
    own = found["data"]["TRIMARAN_DATA"]
    if own and not Path(own).is_dir():
        told.append(f"TRIMARAN_DATA is {own}, which is no folder; correct or unset it.")
    return told


def lines(found: dict[str, Any]) -> list[str]:
    """The same for people."""
    cpu, speed, packages = found["cpu"], found["speed"], found["packages"]
    rates = ", ".join(
        f"{name} {speed[f'{name}_gflops']:,} GFLOP/s"
        for name in ("float32", "bfloat16")
        if f"{name}_gflops" in speed
    )
    sets = found["data"]["sets"]
    here = [f"{name} ({place})" for name, place in sets.items() if place]
    absent = [name for name, place in sets.items() if not place]
    told = [
        f"trimaran {found['trimaran']}, Python {found['python']}, "
        + ", ".join(f"{name} {packages[name]}" for name in VERSIONS if name in packages),
        _backends(found["backends"]),
        f"processor: {cpu['model']}, {cpu['cores']} cores, {' '.join(cpu['features']) or 'plain'}",
        f"speed: {rates or 'unknown'}",
        f"accelerators: {', '.join(speed.get('accelerators', [])) or 'none'}",
        f"memory: {size(found['memory_bytes'] or 0)}, disk free: {size(found['disk_free_bytes'])}",
        "threads: " + ", ".join(f"{k}={v}" for k, v in found["threads"].items() if v),
        f"data here: {', '.join(here + found['data']['bundled'])}",
        f"data to download at first use: {', '.join(absent) or 'none'}",
    ]
    return (
        told
        + [f"problem: {text}" for text in found["problems"]]
        + ([] if found["problems"] else ["everything is in order"])
    )
