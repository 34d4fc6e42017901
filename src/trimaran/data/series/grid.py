"""Rows in the order of their times and, where these keep a step, one row for every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from trimaran.data.series.stamps import DAY, span, told
from trimaran.data.targets import RowName
from trimaran.errors import DataError

_LARGEST = 50_000_000  # values of a grid, beyond which the step must be a mistake


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows of one series: stamps (n,) int64, values (n, columns), and their places in the table."""

    key: str
    stamps: np.ndarray
    values: np.ndarray
    rows: np.ndarray


def laid(
    pieces: Sequence[Piece], step: int | None, counted: bool, dated: bool, row: RowName
) -> tuple[list[Piece], int | None, tuple[str, ...]]:
    """The series on one grid, its step (None where rows are `counted`), and what to tell.

    step: average what falls into each; None finds the most frequent distance and refuses times
    that are no multiple of it.
    Raises `DataError` naming the row.
    """
    ordered = [_ordered(piece) for piece in pieces]
    late = sum(int((np.diff(piece.stamps) < 0).sum()) for piece in pieces)
    notices = [f"{late} row(s) stood before an earlier one; they are put in order."] if late else []
    if step is not None:
        made, more = _averaged(ordered, step, dated)
        return made, step, (*notices, *more)
    for piece in ordered:
        _refuse_repeated(piece, dated, row)
    if counted:
        return ordered, None, tuple(notices)
    found = _step(ordered)
    for piece in ordered:
        _refuse_irregular(piece, found, dated, row)
    whole = [_complete(piece, found) for piece in ordered]
    return whole, found, (*notices, *_told(ordered, whole))


def _ordered(piece: Piece) -> Piece:
    order = np.argsort(piece.stamps, kind="stable")
    return Piece(piece.key, piece.stamps[order], piece.values[order], piece.rows[order])


def _refuse_repeated(piece: Piece, dated: bool, row: RowName) -> None:
    again = np.flatnonzero(np.diff(piece.stamps) == 0) + 1
    if len(again):
        at = int(again[0])
        raise DataError(
            f"{row(int(piece.rows[at]))}: the time {told(int(piece.stamps[at]), dated)} stands "
            f"there twice for {piece.key} ({len(again)} such row(s)); name the column that tells "
            "the series apart with data.series.key, or average each step with data.series.step=1h."
        )


def _step(pieces: Sequence[Piece]) -> int:
    """The most frequent distance between neighbours, the smaller of two."""
    distances = np.concatenate([np.diff(piece.stamps) for piece in pieces])
    if not len(distances):
        raise DataError("Every series has one row only; give some with a past.")
    values, counts = np.unique(distances, return_counts=True)
    return int(values[counts.argmax()])


def _refuse_irregular(piece: Piece, step: int, dated: bool, row: RowName) -> None:
    distances = np.diff(piece.stamps)
    odd = np.flatnonzero(distances % step)
    if len(odd):
        at = int(odd[0]) + 1
        raise DataError(
            f"{row(int(piece.rows[at]))}: the time {told(int(piece.stamps[at]), dated)} is "
            f"{span(int(distances[at - 1]), dated)} after the one before, but the usual step is "
            f"{span(step, dated)} ({len(odd)} such row(s)); average each step with "
            "data.series.step=1h, or count rows instead with data.series.step=rows."
        )


def _complete(piece: Piece, step: int) -> Piece:
    """A row for every step from the first to the last, NaN where there was none."""
    places = (piece.stamps - piece.stamps[0]) // step
    size = int(places[-1]) + 1
    if size == len(places):
        return piece
    if size * piece.values.shape[1] > max(_LARGEST, 20 * piece.values.size):
        raise DataError(
            f"{piece.key} would have {size:,} steps but has {len(places):,} rows; give a longer "
            "data.series.step, or data.series.step=rows."
        )
    values = np.full((size, piece.values.shape[1]), np.nan)
    values[places] = piece.values
    return replace(piece, stamps=piece.stamps[0] + step * np.arange(size), values=values)


def _averaged(
    pieces: Sequence[Piece], step: int, dated: bool
) -> tuple[list[Piece], tuple[str, ...]]:
    """The mean of what is known of each step, under the time at which it begins."""
    first = min(int(piece.stamps[0]) for piece in pieces)
    anchor = first if step > DAY or not dated else 0  # days and hours begin where clocks say
    binned = [_binned(piece, step, anchor) for piece in pieces]
    joined = sum(len(a.stamps) - len(b.stamps) for a, b in zip(pieces, binned, strict=True))
    whole = [_complete(piece, step) for piece in binned]
    notices = (f"{joined} row(s) shared a step of {span(step, dated)} with others; their values "
               "are averaged.",) if joined else ()  # fmt: skip
    return whole, (*notices, *_told(binned, whole))


def _binned(piece: Piece, step: int, anchor: int) -> Piece:
    bins, at = np.unique((piece.stamps - anchor) // step, return_inverse=True)
    shape = len(bins), piece.values.shape[1]
    sums, counts = np.zeros(shape), np.zeros(shape)
    seen = np.isfinite(piece.values)
    np.add.at(sums, at, np.where(seen, piece.values, 0.0))
    np.add.at(counts, at, seen)
    values = np.divide(sums, counts, out=np.full(shape, np.nan), where=counts > 0)
    return replace(piece, stamps=anchor + step * bins, values=values)


def _told(before: Sequence[Piece], after: Sequence[Piece]) -> tuple[str, ...]:
    added = sum(len(b.stamps) - len(a.stamps) for a, b in zip(before, after, strict=True))
    if not added:
        return ()
    return (f"{added} step(s) have no row of their own; they count as missing values.",)
