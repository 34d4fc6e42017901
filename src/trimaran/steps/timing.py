"""How long a run took, as its events tell."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

from trimaran.training.events import Epoch, Event, Started, Stopped


@dataclass
class Timing:
    """Clock readings of `time.monotonic()`; `rows` and `training` are of training alone."""

    began: float = field(default_factory=time.monotonic)
    started: float = 0.0
    stopped: float = 0.0
    ended: float = 0.0
    rows: float = 0.0
    training: float = 0.0

    def see(self, event: Event) -> None:
        """Note what an event says about time."""
        match event:
            case Started():
                self.started = time.monotonic()
            case Stopped():
                self.stopped = time.monotonic()
            case Epoch():
                self.rows += event.examples_per_second * event.seconds
                self.training += event.seconds

    def end(self) -> None:
        """The report is written."""
        self.ended = time.monotonic()

    def seconds(self) -> dict[str, float]:
        """`start`, from the user's word to the first update; `train`, with the scoring of each
        epoch; `total`, to the report."""
        times = {
            "start": self.started - self.began,
            "train": self.stopped - self.started,
            "total": self.ended - self.began,
        }
        return {name: round(value, 3) for name, value in times.items()}

    def rate(self) -> float:
        """Training rows per second."""
        return round(self.rows / self.training, 1) if self.training else 0.0


def process_began() -> float:
    """When this process was started, on the clock of `time.monotonic()`; now, if unknown."""
    now = time.monotonic()
    try:
        with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        with open("/proc/uptime", encoding="ascii") as file:
            uptime = float(file.read().split()[0])
        age = uptime - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return now
    return now - age if 0 <= age < 3600 else now
