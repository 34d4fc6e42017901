"""The worker process of a framework, as this side sees it.

Keras fixes its framework when it is imported, so each of TensorFlow and JAX has a process of its
own. It is started early, because its imports take seconds, and kept for the next network.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from trimaran import errors
from trimaran.backends.keras.wire import Message, Wire
from trimaran.training.execution import asked_threads, usable_cores

# Calls that may be under way before their answers are read: the worker never waits for us.
AHEAD = 3


@dataclass(frozen=True)
class Spent:
    """What it took so far that Keras computes in a process of its own, in seconds.

    framework: the import of Keras with its framework, which any program of theirs begins with
    ready:     from the start of the process until it listened, that import included
    waited:    for how long this process stood still until the first answer
    transport: processor time of both sides for the messages between them
    """

    framework: float
    ready: float
    waited: float
    transport: float


class Worker:
    """A process that holds networks; `call` asks it something, `post` does not wait for it."""

    def __init__(self, framework: str) -> None:
        self.framework = framework
        self.started: tuple[str, int] | None = None
        self._began, self._waited = time.time(), -1.0
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the process)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "trimaran.backends.keras.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=os.environ | environment(framework),
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._wire = Wire(self._process.stdout, self._process.stdin)
        self._under_way: deque[str] = deque()
        self._forgotten: deque[int] = deque()

    def fits(self, precision: str, threads: int | None) -> bool:
        """Whether it is fresh, or was started like this."""
        if self.started is None:
            return True
        return self.started[0] == precision and threads in (None, self.started[1])

    def start(self, precision: str, threads: int) -> None:
        """Settle what cannot change once the framework has computed anything."""
        if self.started is None:
            self.started = (precision, threads)
            self.post("start", {"precision": precision, "threads": threads})

    def call(
        self, name: str, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None
    ) -> Message:
        """The worker's answer. Raises the error that it met, or `RunError` where it is gone."""
        self._let_go()
        self._send(name, values, arrays or {})
        while len(self._under_way) > 1:
            self._answer()
        return self._answer()

    def post(
        self, name: str, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None
    ) -> None:
        """Ask without waiting; an error is raised by one of the next calls."""
        self._let_go()
        self._post(name, values, arrays or {})

    def spent(self) -> Spent:
        """What it took so far."""
        told = self.call("spent", {}).values
        return Spent(
            told["framework"],
            told["ready"] - self._began,
            self._waited,
            told["transport"] + self._wire.seconds,
        )

    def forget(self, number: int) -> None:
        """Let go of a network or model, with the next message: the garbage collector calls this,
        perhaps in the middle of one."""
        self._forgotten.append(number)

    def _let_go(self) -> None:
        while self._forgotten:
            self._post("drop", {"number": self._forgotten.popleft()}, {})

    def _post(self, name: str, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        self._send(name, values, arrays)
        while len(self._under_way) > AHEAD:
            self._answer()

    def _send(self, name: str, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        try:
            self._wire.send(Message({"call": name, **values}, arrays))
        except BrokenPipeError as gone:
            raise errors.RunError(self._obituary()) from gone
        self._under_way.append(name)

    def _answer(self) -> Message:
        asked = time.perf_counter()
        answer = self._wire.receive()
        if self._waited < 0:
            self._waited = time.perf_counter() - asked
        if answer is None:
            raise errors.RunError(self._obituary())
        self._under_way.popleft()
        if "error" in answer.values:
            kind, text = answer.values["error"]
            raise getattr(errors, kind, errors.RunError)(text)
        return answer

    def _obituary(self) -> str:
        self._log.seek(0)
        last = self._log.read().decode(errors="replace").strip().splitlines()[-3:]
        said = f" Its last words: {' | '.join(last)}" if last else ""
        self.close()
        code = self._process.returncode
        return (
            f"The worker process of {self.framework} ended unexpectedly (exit status {code}); "
            f"run again, with fewer rows per batch if memory was short.{said}"
        )

    @property
    def id(self) -> int:
        """Of the process."""
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """End the process; it needs nothing written."""
        _workers[:] = [worker for worker in _workers if worker is not self]
        if self.alive():
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


_workers: list[Worker] = []


def process_ids() -> list[int]:
    """Of the workers."""
    return [worker.id for worker in _workers]


def spent() -> tuple[Spent, ...]:
    """What each of the workers took so far."""
    return tuple(worker.spent() for worker in _workers)


def prepare(framework: str) -> None:
    """Start the framework's imports, in the background, unless there is a worker."""
    if not any(worker.framework == framework and worker.alive() for worker in _workers):
        _workers.append(Worker(framework))


def hire(framework: str, precision: str, threads: int | None = None) -> Worker:
    """A worker with these settings: one that runs already, or a new one. Without `threads` any
    number of them will do.

    Raises:
        RunError: Keras or the framework is not installed.
    """
    check_installed(framework)
    for worker in [worker for worker in _workers if not worker.alive()]:
        worker.close()
    for worker in _workers:
        if worker.framework == framework and worker.fits(precision, threads):
            break
    else:
        worker = Worker(framework)
        _workers.append(worker)
    worker.start(precision, threads or asked_threads() or usable_cores())
    return worker


def check_installed(framework: str) -> None:
    """Raises `RunError` with what to install."""
    missing = [name for name in ("keras", framework) if find_spec(name) is None]
    if missing:
        raise errors.RunError(
            f"The backend {framework} needs {' and '.join(missing)}, not installed here; run: "
            'pip install "trimaran[keras]"'
        )


def close_all() -> None:
    """End every worker."""
    while _workers:
        _workers[-1].close()


atexit.register(close_all)


def environment(framework: str) -> dict[str, str]:
    """What a process that runs Keras on the framework finds in its environment."""
    return {
        "KERAS_BACKEND": framework,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONWARNINGS": "ignore",
    }
