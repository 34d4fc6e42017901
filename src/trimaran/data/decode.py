"""Files to one array: what a `Stream` does for a batch, in its own process or in a worker."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trimaran.data.augment import Augment, augment
from trimaran.errors import DataError

Read = Callable[..., np.ndarray]


@dataclass(frozen=True)
class Decoder:
    """How a file becomes a row: `read(Path, *arguments)` -> array of `shape` and `dtype`.

    read:      a function at the top level of a module, so that a worker can import it
    arguments: plain values (numbers, texts, tuples of them), sent to workers as JSON
    """

    read: Read
    arguments: tuple[Any, ...]
    shape: tuple[int, ...]
    dtype: str = "uint8"

    def to_json(self) -> dict[str, Any]:
        name = f"{self.read.__module__}:{self.read.__qualname__}"
        if "<" in name or name.startswith("__main__:"):
            raise DataError(
                f"The decoding function {name} cannot be imported by a worker process; "
                f"define it at the top level of a module, or use workers=0."
            )
        return {**asdict(self), "read": name}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Decoder:
        module, _, name = value["read"].partition(":")
        read = getattr(importlib.import_module(module), name)
        return cls(read, _tuples(value["arguments"]), tuple(value["shape"]), value["dtype"])


@dataclass(frozen=True)
class Job:
    """One batch: the files of its rows, their ids, and the augmentation they get."""

    paths: tuple[str, ...]
    ids: tuple[int, ...]
    augment: Augment | None = None
    seed: int = 0
    epoch: int = 0

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Job:
        settings = value["augment"]
        chosen = None if settings is None else Augment(**settings)
        ids = tuple(value["ids"])
        return cls(tuple(value["paths"]), ids, chosen, value["seed"], value["epoch"])


def decode(decoder: Decoder, job: Job) -> np.ndarray:
    """The rows of a job as (len(paths), *shape); raises `DataError` naming the file."""
    rows = np.empty((len(job.paths), *decoder.shape), decoder.dtype)
    for at, path in enumerate(job.paths):
        rows[at] = _read(decoder, path)
    if job.augment is None:
        return rows
    return augment(rows, job.augment, job.seed, job.epoch, np.array(job.ids, np.int64))


def _read(decoder: Decoder, path: str) -> np.ndarray:
    try:
        row = np.asarray(decoder.read(Path(path), *decoder.arguments))
    except DataError:
        raise
    except Exception as error:  # a damaged file can raise almost anything in a decoder
        raise DataError(
            f"{path} cannot be decoded ({type(error).__name__}: {error}); mend or remove the file."
        ) from error
    if row.shape != decoder.shape or row.dtype != decoder.dtype:
        raise DataError(
            f"{path} decodes to {row.dtype} of shape {row.shape}, but every row must be "
            f"{decoder.dtype} of shape {decoder.shape}."
        )
    return row


def _tuples(value: Sequence[Any]) -> tuple[Any, ...]:
    """JSON knows no tuples; a worker must call with the same values as its parent."""
    return tuple(_tuples(item) if isinstance(item, list) else item for item in value)
