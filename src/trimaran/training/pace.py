"""How long calls take and how much memory a process took: the first calls, and the steady ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

# Calls that may still trace, compile or fill caches: TensorFlow traces a second time once an
# optimizer has its slots, PyTorch once it has seen a second shape.
WARM = 3
MOST = 400


@dataclass(frozen=True)
class Pace:
    """Seconds of each call, in order; the first WARM of them are not steady."""

    calls: tuple[float, ...]

    @property
    def steady(self) -> float:
        """The median of the steady calls."""
        return median(self.calls[WARM:])

    @property
    def extra(self) -> float:
        """What the first calls took beyond steady ones: tracing and compiling."""
        return max(0.0, sum(self.calls[:WARM]) - WARM * self.steady)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"steady": self.steady, "extra": self.extra}


def pace(call: Callable[[], Any], seconds: float, least: int = 5) -> tuple[Pace, Any]:
    """Call until the steady calls have taken `seconds`, but at least `least` of them.

    `call` returns when its work is done. Returns the pace and what the first call gave.
    """
    first, taken = _timed(call)
    times = [taken]
    while not _enough(times, seconds, least):
        times.append(_timed(call)[1])
    return Pace(tuple(times)), first


def _enough(times: Sequence[float], seconds: float, least: int) -> bool:
    steady = times[WARM:]
    return len(steady) >= least and (sum(steady) >= seconds or len(steady) >= MOST)


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    found = call()
    return found, time.perf_counter() - began


def peak_memory(process: int | str = "self") -> int | None:
    """The most bytes that a process held in main memory so far; None where it is not told.

    Linux tells it of every process. `getrusage` would not do: what it says of a new process begins
    with the memory of its parent.
    """
    try:
        lines = Path(f"/proc/{process}/status").read_text("ascii", "replace").splitlines()
    except OSError:
        return _own_peak() if process == "self" else None
    found = next((line.split()[1] for line in lines if line.startswith("VmHWM")), None)
    return None if found is None else 1024 * int(found)


def _own_peak() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def children(process: int | str = "self") -> tuple[int, ...]:
    """The processes that a process has started and that still run; none where it is not told."""
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        found = [(task / "children").read_text("ascii").split() for task in tasks]
    except OSError:
        return ()
    return tuple(int(number) for words in found for number in words)
