"""TensorBoard scalars from events, with the `tensorboard` package alone.

Its `EventFileWriter` would import TensorFlow where that is installed, so records are written
through the package's record format and message types directly.
"""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter


class ScalarWriter:
    """Appends scalars to a new event file in `folder`; every write reaches the disk's cache.

    A resumed run opens a second file beside the first: TensorBoard shows them as one.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = _fresh(folder)
        self._file = self.path.open("xb")
        self._records = RecordWriter(self._file)
        self._put(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def add(self, values: Mapping[str, float], step: int, wall_time: float | None = None) -> None:
        """Write name -> value at a step."""
        summary = Summary(
            value=[Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        )
        when = time.time() if wall_time is None else wall_time
        self._put(Event(wall_time=when, step=step, summary=summary))

    def event(self, event: Mapping[str, Any]) -> None:
        """Write what an event of a run holds; events without numbers are passed over."""
        values = scalars(event)
        if values:
            self.add(values, int(event.get("step", 0)))

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "ScalarWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _put(self, event: Event) -> None:
        self._records.write(event.SerializeToString())
        self._file.flush()


def _fresh(folder: Path) -> Path:
    stem = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}"
    return next(
        path for number in range(10**6) if not (path := folder / f"{stem}.{number}").exists()
    )


def scalars(event: Mapping[str, Any]) -> dict[str, float]:
    """The named numbers of an event's JSON: train/loss, val/accuracy, gradient/conv1, …"""
    match event.get("kind"):
        case "Step":
            return _numbers({"train/step_loss": event.get("loss")})
        case "Epoch":
            return _numbers(_of_epoch(event))
        case "Health":
            return _numbers(_of_health(event))
        case "Evaluated":
            split, metrics = event.get("split", "evaluated"), event.get("metrics") or {}
            return _numbers({f"{split}/{name}": value for name, value in metrics.items()})
    return {}


def _of_epoch(event: Mapping[str, Any]) -> dict[str, Any]:
    found = {"train/loss": event.get("loss")}
    found |= {key: event.get(key) for key in ("learning_rate", "examples_per_second")}
    for name, value in (event.get("metrics") or {}).items():
        inside = f"val/{name[4:]}" if name.startswith("val_") else f"train/{name}"
        found[inside] = value
    return found


def _of_health(event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{name}/{layer['layer']}": layer.get(name)
        for layer in event.get("layers", ())
        for name in ("gradient", "update", "dead", "saturated")
    }


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {k: float(v) for k, v in values.items() if isinstance(v, int | float)}
