"""A set larger than memory: files decoded batch by batch by worker processes."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import IO

import numpy as np

from trimaran.data.augment import Augment
from trimaran.data.batches import Affine, Rows
from trimaran.data.decode import Decoder, Job, decode
from trimaran.data.worker import LENGTH
from trimaran.errors import DataError

_Answer = np.ndarray | DataError


@dataclass(frozen=True, eq=False)
class Stream:
    """Rows of one split that stay in files until their batch comes.

    paths:    one file per row; decoder: how a file becomes a row of the input `name`
    targets, weights, ids, affine: as in `Rows`
    workers:  processes that decode; 0 decodes in this one. The batches are the same for any number
    prefetch: batches that each worker may hold ready, which bounds the memory

    Raises `DataError` where the lengths disagree.
    """

    paths: tuple[str, ...]
    decoder: Decoder
    targets: Mapping[str, np.ndarray]
    weights: np.ndarray | None
    ids: np.ndarray
    affine: Mapping[str, Affine] = field(default_factory=dict)
    name: str = "input"
    workers: int = 2
    prefetch: int = 2

    def __post_init__(self) -> None:
        if self.workers < 0 or self.prefetch < 1:
            raise DataError(
                f"A stream needs at least 0 workers and a prefetch of at least 1, but got "
                f"{self.workers} and {self.prefetch}."
            )
        files = np.empty((len(self.paths), 0))  # Rows knows the rules of lengths and weights
        Rows({self.name: files}, self.targets, self.weights, self.ids, self.affine)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one row."""
        return self.decoder.shape

    def take(self, index: np.ndarray) -> Rows:
        """The rows at `index` (positions, not ids), decoded here and now."""
        return self._rows(index, decode(self.decoder, self._job(index)))

    def batches(
        self,
        order: Sequence[np.ndarray],
        augment: Augment | None = None,
        epoch: int = 0,
        seed: int = 0,
    ) -> Iterator[Rows]:
        """The batches of `order` (arrays of positions), in that order.

        Raises `DataError` for a file that cannot be decoded, naming it, when its batch is due,
        and for a worker that died. Closing the iterator early ends the workers.
        """
        jobs = [replace(self._job(i), augment=augment, seed=seed, epoch=epoch) for i in order]
        decoded = (
            _by_workers(self, jobs)
            if self.workers and jobs
            else (decode(self.decoder, job) for job in jobs)
        )
        for index, values in zip(order, decoded, strict=True):
            yield self._rows(index, values)

    def _job(self, index: np.ndarray) -> Job:
        places = index.tolist()
        return Job(tuple(self.paths[i] for i in places), tuple(self.ids[index].tolist()))

    def _rows(self, index: np.ndarray, values: np.ndarray) -> Rows:
        return Rows(
            {self.name: values},
            {name: targets[index] for name, targets in self.targets.items()},
            None if self.weights is None else self.weights[index],
            self.ids[index],
            self.affine,
        )


def _by_workers(stream: Stream, jobs: Sequence[Job]) -> Iterator[np.ndarray]:
    """Batch i comes from worker i modulo their number, so waiting in turn restores the order."""
    count = min(stream.workers, len(jobs))
    lanes: list[_Lane] = []
    try:
        for number in range(count):
            lanes.append(_Lane(number, stream, jobs[number::count]))
        for number in range(len(jobs)):
            answer = lanes[number % count].ready.get()
            if isinstance(answer, DataError):
                raise answer
            yield answer
    finally:
        for lane in lanes:
            lane.process.kill()
        for lane in lanes:
            lane.end()


class _Lane:
    """One worker process and the thread that feeds it and keeps its answers ready."""

    def __init__(self, number: int, stream: Stream, jobs: Sequence[Job]) -> None:
        self.number, self.decoder, self.jobs = number, stream.decoder, jobs
        self.ready: queue.Queue[_Answer] = queue.Queue(stream.prefetch)
        setup = _line(stream.decoder.to_json())
        self.process = _start()
        self.thread = threading.Thread(target=self._run, args=(setup,), daemon=True)
        self.thread.start()

    def _run(self, setup: bytes) -> None:
        assert self.process.stdin and self.process.stdout
        job = self.jobs[0]
        try:
            self.process.stdin.write(setup)
            for job in self.jobs:
                self.process.stdin.write(_line(asdict(job)))
                self.process.stdin.flush()
                answer = self._receive(self.process.stdout, len(job.paths))
                self.ready.put(answer)
                if isinstance(answer, DataError):
                    return
        except (OSError, EOFError):
            self.ready.put(self._death(job.paths))
        except Exception as error:  # without an answer in the queue, the reader waits for ever
            self.ready.put(DataError(f"Decoding worker {self.number} failed: {error!r}."))

    def _receive(self, answers: IO[bytes], n: int) -> _Answer:
        (length,) = LENGTH.unpack(_exactly(answers, LENGTH.size))
        if length < 0:
            return DataError(_exactly(answers, -length).decode())
        rows = np.empty((n, *self.decoder.shape), self.decoder.dtype)
        _fill(answers, rows.data.cast("B"))
        return rows

    def _death(self, paths: Sequence[str]) -> DataError:
        status = self.process.wait()
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        return DataError(
            f"Decoding worker {self.number} {how} at a batch of {len(paths)} files from "
            f"{paths[0]} to {paths[-1]}; if memory ran out, lower the number of workers, "
            f"else try workers=0, which shows the cause."
        )

    def end(self) -> None:
        """Called after the process was killed; lets the thread run out and frees everything."""
        while self.thread.is_alive():
            while not self.ready.empty():
                self.ready.get_nowait()
            self.thread.join(0.01)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            try:
                pipe.close()
            except OSError:  # a job that a dead worker will never read was still buffered
                continue


def _start() -> subprocess.Popen[bytes]:
    # A fresh interpreter, not a fork: threads of a framework in this process do not survive one.
    # -P: a file of the current folder must not stand in for a module of the same name.
    command = [sys.executable, "-P", "-m", "trimaran.data.worker"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment)


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _exactly(answers: IO[bytes], n: int) -> bytes:
    found = bytearray(n)
    _fill(answers, memoryview(found))
    return bytes(found)


def _fill(answers: IO[bytes], into: memoryview) -> None:
    """Reads until `into` is full; raises EOFError where the worker's answer ends before."""
    if answers.readinto(into) != len(into):  # type: ignore[attr-defined]
        raise EOFError
