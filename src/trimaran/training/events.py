"""What happens in a run, as values: `fit` yields them, one JSON object a line keeps them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from trimaran.errors import RunError
from trimaran.training.health import Diagnosis, LayerHealth

INTERRUPTED = "interrupted"
"""Why a run stopped that can go on."""


@dataclass(frozen=True)
class Started:
    """The first event: how many updates the run is meant to have, and where it begins."""

    step: int
    steps: int
    epochs: int
    examples: int
    parameters: int
    execution: Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """A sign of life, a few times a second: updates done, mean loss since the last such event."""

    step: int
    epoch: int
    loss: float
    examples: int
    examples_per_second: float
    learning_rate: float


@dataclass(frozen=True)
class Health:
    """The gradients of one update, layer by layer, and what is wrong with them."""

    step: int
    layers: tuple[LayerHealth, ...]
    diagnoses: tuple[Diagnosis, ...]


@dataclass(frozen=True)
class Evaluated:
    """A split scored with the weights of the moment, in float32 and inference mode."""

    split: str
    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Epoch:
    """The end of an epoch (numbered from 1): means over its rows, validation under `val_*`.

    `metrics` has Keras's keys, `seconds` and `examples_per_second` are of training alone, and
    `health` holds the sentences of the epoch's diagnoses.
    """

    epoch: int
    step: int
    loss: float
    metrics: Mapping[str, float]
    learning_rate: float
    seconds: float
    examples_per_second: float
    health: tuple[str, ...] = ()


@dataclass(frozen=True)
class Saved:
    """A checkpoint stands whole on the disk."""

    path: str
    step: int


@dataclass(frozen=True)
class Stopped:
    """The last event: why ("finished", "early stopping", "time limit", INTERRUPTED) and where.

    The network holds the weights of `best_step` when they were restored. `advice` says how to
    go on where that makes sense.
    """

    reason: str
    step: int
    best_step: int
    advice: str = ""


@dataclass(frozen=True)
class Notice:
    """A sentence that the user should read."""

    text: str


Event = Started | Step | Health | Evaluated | Epoch | Saved | Stopped | Notice

EVENTS: dict[str, type[Event]] = {
    "Started": Started,
    "Step": Step,
    "Health": Health,
    "Evaluated": Evaluated,
    "Epoch": Epoch,
    "Saved": Saved,
    "Stopped": Stopped,
    "Notice": Notice,
}


def to_json(event: Event) -> dict[str, Any]:
    """The event as a JSON object that names its kind."""
    return {"kind": type(event).__name__, **asdict(event)}


def from_json(value: Mapping[str, Any]) -> Event:
    """The event that `to_json` wrote; `RunError` for a kind or a field that is unknown."""
    fields = dict(value)
    kind = EVENTS.get(str(fields.pop("kind", None)))
    try:
        if kind is None:
            raise TypeError("unknown kind")
        event = kind(**fields)
    except TypeError as error:
        raise RunError(
            f"The event {json.dumps(dict(value))[:200]} is not one of this version ({error}); "
            f"the file events.jsonl was written by another version or edited."
        ) from None
    if isinstance(event, Health):
        layers = tuple(LayerHealth(**layer) for layer in fields["layers"])
        return Health(event.step, layers, tuple(Diagnosis(**d) for d in fields["diagnoses"]))
    return Epoch(**{**fields, "health": tuple(fields["health"])}) if kind is Epoch else event


@dataclass
class EventLog:
    """Appends events to a file, each line written whole; non-finite numbers become null.

    A resumed run first cuts the file back to the offset that its checkpoint names, so that no
    event stands twice.
    """

    path: Path
    offset: int | None = None
    _file: BinaryIO | None = field(default=None, repr=False)

    def __enter__(self) -> EventLog:
        # Unbuffered: a line that could not be written is not tried again when the file is closed.
        self._file = self.path.open("ab", buffering=0)
        if self.offset is not None and self.offset < self._file.tell():
            self._file.truncate(self.offset)
        return self

    def append(self, event: Event) -> None:
        """Add a line; `RunError` where the disk is full, which leaves every checkpoint whole."""
        assert self._file is not None, "use `with EventLog(path) as log`"
        text = json.dumps(_finite(to_json(event)), ensure_ascii=False, allow_nan=False)
        try:
            self._file.write(text.encode() + b"\n")
        except OSError as error:
            raise RunError(
                f"{self.path} could not be written ({error.strerror or error}); make room there, "
                f"then go on with: trimaran train --resume {shlex.quote(str(self.path.parent))}"
            ) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def read(path: Path) -> list[Event]:
    """The events of a run. A last line that a kill cut short is left out; any other bad line is
    a `RunError`."""
    lines = path.read_bytes().split(b"\n")
    events = []
    for number, line in enumerate(lines[:-1], 1):
        try:
            events.append(from_json(json.loads(line)))
        except ValueError:
            raise RunError(f"Line {number} of {path} is not JSON; the file is damaged.") from None
    return events
