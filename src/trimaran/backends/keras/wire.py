"""Messages between the two processes: a line of JSON, then raw arrays.

Small arrays follow the line in the pipe; large ones lie in a file in memory, which the reader maps
and unlinks. Nothing is pickled.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

# Beyond this many bytes a mapped file is faster than a pipe.
INLINE = 1 << 16


@dataclass(frozen=True)
class Message:
    """JSON values, and arrays by name."""

    values: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass
class Wire:
    """The pipes from and to the other process.

    seconds: of this thread's processor time that messages took; waiting for them is none
    """

    incoming: IO[bytes]
    outgoing: IO[bytes]
    seconds: float = 0.0

    def send(self, message: Message) -> None:
        """Write one message."""
        began = time.thread_time()
        send(self.outgoing, message)
        self.seconds += time.thread_time() - began

    def receive(self) -> Message | None:
        """Read one message; None where the other process is gone."""
        began = time.thread_time()
        found = receive(self.incoming)
        self.seconds += time.thread_time() - began
        return found


def send(stream: IO[bytes], message: Message) -> None:
    """Write one message."""
    arrays = {name: np.asarray(a, order="C") for name, a in message.arrays.items()}
    size = sum(a.nbytes for a in arrays.values())
    head: dict[str, Any] = {
        "values": message.values,
        "arrays": [[name, a.dtype.str, list(a.shape)] for name, a in arrays.items()],
    }
    if size > INLINE:
        head["file"] = _store(arrays)
    stream.write(json.dumps(head).encode() + b"\n")
    if size <= INLINE:
        for array in arrays.values():
            stream.write(array.tobytes())
    stream.flush()


def receive(stream: IO[bytes]) -> Message | None:
    """Read one message; None at the end of the stream."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    head = json.loads(line)
    sizes = [_bytes(dtype, shape) for _, dtype, shape in head["arrays"]]
    if "file" in head:
        raw = _map(Path(head["file"]))
    else:
        # An array of its own, because a view of bytes could not be written to.
        raw = np.frombuffer(bytearray(stream.read(sum(sizes))), np.uint8)
    arrays, start = {}, 0
    for (name, dtype, shape), size in zip(head["arrays"], sizes, strict=True):
        arrays[name] = raw[start : start + size].view(dtype).reshape(shape)
        start += size
    return Message(head["values"], arrays)


def _bytes(dtype: str, shape: list[int]) -> int:
    return np.dtype(dtype).itemsize * math.prod(shape)


def _store(arrays: Mapping[str, np.ndarray]) -> str:
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    handle, path = tempfile.mkstemp(prefix="trimaran-", dir=folder)
    with os.fdopen(handle, "wb") as file:
        for array in arrays.values():
            file.write(array.reshape(-1).view(np.uint8).data)
    return path


def _map(path: Path) -> np.ndarray:
    # Copy on write: what the reader changes stays its own.
    mapped = np.memmap(path, np.uint8, mode="c")
    path.unlink()
    return np.asarray(mapped)
