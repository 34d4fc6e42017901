"""Rows that stand, byte for byte, in two splits: they make a test score look better than it is."""

from __future__ import annotations

import hashlib
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from trimaran.data.batches import Rows
from trimaran.data.stream import Stream
from trimaran.errors import DataError

_EXAMPLES = 5
_ROWS_AT_ONCE = 2048


@dataclass(frozen=True)
class Crossing:
    """What two splits share.

    rows:      how many rows of `second` also stand in `first`
    conflicts: how many of those carry targets that no equal row of `first` carries
    examples:  up to five pairs (id in first, id in second), conflicts before the others
    """

    first: str
    second: str
    rows: int
    conflicts: int
    examples: tuple[tuple[int, int], ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        """One plain sentence for a notice or a report."""
        pairs = ", ".join(f"{a} = {b}" for a, b in self.examples)
        clash = f", {self.conflicts} of them with another target" if self.conflicts else ""
        return (
            f"{self.rows} row(s) of {self.second} stand in {self.first} as well{clash} "
            f"({self.first} = {self.second} row: {pairs})."
        )


def across(splits: Mapping[str, Rows | Stream]) -> tuple[Crossing, ...]:
    """`crossings` of resident rows; streamed rows count as equal when their files are."""
    resident = {name: rows for name, rows in splits.items() if isinstance(rows, Rows)}
    streams = {name: rows for name, rows in splits.items() if not isinstance(rows, Rows)}
    keys = file_keys({name: rows.paths for name, rows in streams.items()})
    labels = {name: _targets(rows) for name, rows in streams.items()}
    ids = {name: rows.ids for name, rows in streams.items()}
    return *crossings(resident), *compare(keys, labels, ids)


def crossings(splits: Mapping[str, Rows]) -> tuple[Crossing, ...]:
    """Exact duplicates between each two splits, in the order given; pairs without any are left out.

    Two rows are equal when every input has the same bytes. Rows are sorted by a 64-bit hash, and
    rows of equal hash are compared byte by byte, so a chance collision is never counted.
    """
    if len(splits) < 2:
        return ()
    parts = [[_words(values) for values in rows.inputs.values()] for rows in splits.values()]
    widths = {n: [p.shape[1] for p in pieces] for n, pieces in zip(splits, parts, strict=True)}
    if len({tuple(w) for w in widths.values()}) > 1:
        raise DataError(
            f"The splits have rows of different sizes, in bytes {widths}; "
            f"all splits need the same inputs in the same shape and dtype."
        )
    ends = np.cumsum([len(rows) for rows in splits.values()])[:-1]
    keys = dict(zip(splits, np.split(_number(parts), ends), strict=True))
    labels = {name: _targets(rows) for name, rows in splits.items()}
    ids = {name: rows.ids for name, rows in splits.items()}
    return compare(keys, labels, ids)


def equal(splits: Mapping[str, Rows | Stream], content: np.ndarray) -> tuple[Crossing, ...]:
    """Crossings of texts (by the ids of their rows) that differ in case and spaces at most."""
    plain = np.array([" ".join(str(text).lower().split()) for text in content], object)
    numbers = np.unique(plain, return_inverse=True)[1]
    keys = {name: numbers[rows.ids] for name, rows in splits.items()}
    labels = {name: _targets(rows) for name, rows in splits.items()}
    return compare(keys, labels, {name: rows.ids for name, rows in splits.items()})


def compare(
    keys: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    ids: Mapping[str, np.ndarray],
) -> tuple[Crossing, ...]:
    """Crossings from per-split arrays: `keys` (N,), equal for equal rows; `labels` (N,); ids."""
    found = []
    for first, second in combinations(keys, 2):
        shared = np.flatnonzero(np.isin(keys[second], keys[first]))
        if len(shared):
            found.append(_cross(first, second, shared, (keys, labels, ids)))
    return tuple(found)


def file_keys(splits: Mapping[str, Sequence[str]]) -> dict[str, np.ndarray]:
    """Split -> (N,) keys of its files for `compare`, equal where two files are byte for byte.

    Only files that agree in size and in their first 4 KiB are read to the end.
    Raises `DataError` for a file that cannot be read.
    """
    sketches = {name: [_digest(p, 4096) for p in paths] for name, paths in splits.items()}
    seen = Counter(sketch for column in sketches.values() for sketch in column)
    return {
        name: np.array(
            [s if seen[s] == 1 else _digest(p) for s, p in zip(sketches[name], paths, strict=True)]
        )
        for name, paths in splits.items()
    }


def _digest(path: str, most: int = -1) -> str:
    try:
        with open(path, "rb") as file:
            start = hashlib.blake2b(file.read(most), digest_size=16).hexdigest()
            return f"{os.fstat(file.fileno()).st_size}-{start}"
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check its rights.") from error


def _cross(
    first: str, second: str, shared: np.ndarray, columns: tuple[Mapping[str, np.ndarray], ...]
) -> Crossing:
    keys, labels, ids = columns
    twins: dict[Any, list[int]] = {}
    wanted = np.isin(keys[first], keys[second][shared])
    for row in np.flatnonzero(wanted).tolist():
        twins.setdefault(keys[first][row], []).append(row)
    pairs = []
    for row in shared.tolist():
        equal = twins[keys[second][row]]
        conflict = all(labels[first][twin] != labels[second][row] for twin in equal)
        pairs.append((not conflict, int(ids[first][equal[0]]), int(ids[second][row])))
    conflicts = sum(not agrees for agrees, _, _ in pairs)
    examples = tuple((a, b) for _, a, b in sorted(pairs)[:_EXAMPLES])
    return Crossing(first, second, len(pairs), conflicts, examples)


def _words(values: np.ndarray) -> np.ndarray:
    """The bytes of each row, (N, bytes) uint8."""
    width = math.prod(values.shape[1:]) * values.itemsize
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).reshape(len(values), width)


def _hash(rows: np.ndarray, salt: int) -> np.ndarray:
    """A multiply-and-add hash of (N, bytes) uint8 rows as (N,) uint64; fast, not secret."""
    width = -(-rows.shape[1] // 8)
    key = np.array([salt, 0], np.uint64)
    odd = np.asarray(np.random.Philox(key=key).random_raw(width)) | np.uint64(1)
    hashes = np.empty(len(rows), np.uint64)
    padded = np.zeros((min(len(rows), _ROWS_AT_ONCE), width * 8), np.uint8)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[start : start + _ROWS_AT_ONCE]
        padded[: len(part), : rows.shape[1]] = part
        words = padded[: len(part)].view(np.uint64)
        # Mix the upper half in: a plain product never carries high bits down.
        mixed = (words ^ (words >> np.uint64(29))) * odd
        hashes[start : start + len(part)] = (mixed ^ (mixed >> np.uint64(32))).sum(1)
    return hashes


def _hash_all(parts: list[np.ndarray], n: int) -> np.ndarray:
    """One (n,) uint64 hash over several (n, bytes) parts of the same rows."""
    hashes = np.zeros(n, np.uint64)
    for salt, rows in enumerate(parts):
        hashes += _hash(rows, salt)
    return hashes


def _number(splits: list[list[np.ndarray]]) -> np.ndarray:
    """(N,) int64 over the rows of all splits, equal exactly where all parts of two rows are."""
    hashes = np.concatenate([_hash_all(parts, len(parts[0])) for parts in splits])
    order = np.argsort(hashes, kind="stable")
    same = hashes[order[1:]] == hashes[order[:-1]]
    at = np.flatnonzero(same)
    if not np.array_equal(_pick(splits, order[at]), _pick(splits, order[at + 1])):
        # Two different rows have one hash: rare enough to be slow and exact about it.
        numbers: dict[bytes, int] = {}
        every = _pick(splits, np.arange(len(hashes)))
        return np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in every])
    result = np.empty(len(order), np.int64)
    result[order] = np.concatenate([[0], np.cumsum(~same)])[: len(order)]
    return result


def _pick(splits: list[list[np.ndarray]], index: np.ndarray) -> np.ndarray:
    """The bytes of some rows, counted through all splits: few, so the splits are not copied."""
    picked = np.empty((len(index), sum(part.shape[1] for part in splits[0])), np.uint8)
    start = 0
    for parts in splits:
        here = (index >= start) & (index < start + len(parts[0]))
        local = index[here] - start
        picked[here] = np.concatenate([part[local] for part in parts], axis=1)
        start += len(parts[0])
    return picked


def _targets(rows: Rows | Stream) -> np.ndarray:
    """(N,) numbers, equal where every target of two rows of any split is equal."""
    return _hash_all([_words(values) for values in rows.targets.values()], len(rows))
