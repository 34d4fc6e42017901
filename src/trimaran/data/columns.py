"""The columns of a table that a model may use, and why each of the others is left out."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import numpy as np

from trimaran.data.features import is_boolean
from trimaran.data.leaks import leak, telling
from trimaran.data.raw import RawTable
from trimaran.data.settings import DataSettings
from trimaran.errors import DataError

TARGETS = ("target", "label", "class", "y")
MOST = 64  # texts of one column that get a slot of their own


def find(table: RawTable, name: str, setting: str) -> np.ndarray:
    """A column by name; raises `DataError` that names the nearest one."""
    if name in table.columns:
        return table.columns[name]
    near = difflib.get_close_matches(name, table.columns, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(table.columns)}."
    raise DataError(f"{table.where} has no column {name!r} (data.{setting}); {hint}")


def guess_target(table: RawTable) -> str:
    """The one column called target, label, class or y; raises `DataError` where there is none."""
    telling = [n for n in table.columns if n.lower() in TARGETS]
    if len(telling) == 1:
        return telling[0]
    raise DataError(
        f"{table.where} has the columns {', '.join(table.columns)}; say which one to predict with "
        f"--target COLUMN (data.target)."
    )


def usable_columns(
    table: RawTable, target: str, task: str, settings: DataSettings
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The feature columns, and a sentence for each column that is left out or suspicious.

    Left out: what `settings` names, the target and the roles; an empty or constant column; whole
    numbers that count the rows; texts that differ in more than half of the rows. `settings.keep`
    overrules the last three. Raises `DataError` for a column that equals the target, and where
    nothing is left.
    """
    for name in (*settings.drop, *settings.keep):
        find(table, name, "drop" if name in settings.drop else "keep")
    roles = {target, settings.split_column, settings.group, settings.weights, *settings.drop}
    kept: dict[str, np.ndarray] = {}
    notices = []
    for name, values in table.columns.items():
        if name in roles:
            continue
        reason = None if name in settings.keep else useless(values)
        if reason:
            notices.append(f"The column {name!r} is not used: {reason}.")
        else:
            kept[name] = values
    if not kept:
        why = " ".join((*table.notices, *notices))
        raise DataError(
            f"{table.where} has no column to learn from beside the target {target!r}; list one in "
            f"data.keep to use it all the same.{' ' * bool(why)}{why}"
        )
    return kept, (*notices, *_leaks(table, kept, (target, task), settings), *_filled(kept))


def useless(values: np.ndarray) -> str | None:
    """Why a column cannot help, or None."""
    if values.dtype == object and not is_boolean(values):
        known = [v for v in values.tolist() if v is not None]
        different = len(set(known))
        if different <= 1 and len(known) in (0, len(values)):
            return "it is empty" if not known else "it has one value only"
        if len(values) >= 20 and different * 2 > len(known):
            return f"its texts are almost all different ({different} in {len(known)} rows)"
        return None
    if values.dtype.kind != "f":
        return None
    known_numbers = values[np.isfinite(values)]
    if not len(known_numbers):
        return "it is empty"
    if len(known_numbers) == len(values) and len(values) > 1:
        if (values == values[0]).all():
            return "it has one value only"
        if len(values) >= 20 and (np.diff(values) == 1).all():
            return "it counts the rows"
    return None


def _leaks(
    table: RawTable, kept: Mapping[str, np.ndarray], goal: tuple[str, str], settings: DataSettings
) -> list[str]:
    target, task = goal
    told, near = [], {}
    for name, values in kept.items():
        found = leak(values, table.columns[target], task)
        share = telling(values, table.columns[target]) if task == "classify" else None
        if share is not None and found is None:
            near[name] = share
        if found == "equals" and name not in settings.keep:
            raise DataError(
                f"The column {name!r} of {table.where} gives the target {target!r} away: one can "
                f"be computed from the other in every row; leave it out with data.drop={name}, or "
                f"list it in data.keep if it is known before the target is."
            )
        if found == "agrees":
            told.append(
                f"The column {name!r} agrees with the target {target!r} in all {len(values)} rows, "
                f"which can be chance: the rows, or those of one value, are few. If it is only "
                f"known after the target, leave it out with data.drop={name}."
            )
        elif found:
            told.append(
                f"Each value of the column {name!r} goes with one value of the target {target!r}; "
                f"if it is only known after the target, leave it out with data.drop={name}."
            )
    return [*told, *_nearly(near, target)]


def _nearly(shares: Mapping[str, float], target: str) -> list[str]:
    """One sentence on the columns that nearly give the target away."""
    if not shares:
        return []
    names = ", ".join(f"{name!r} ({share:.1%} of the rows)" for name, share in shares.items())
    return [
        f"Alone, by its values or by its gaps, each of these columns nearly tells the target "
        f"{target!r}: {names}; those that are only known after the target make every score look "
        f"better than it will be, so leave them out with data.drop={','.join(shares)}."
    ]


def _marks(name: str, values: np.ndarray) -> list[str]:
    """A sentence on -9999 and its like, where it lies far from all other values."""
    told = []
    for mark in np.unique(values)[[0, -1]].tolist() if len(values) else ():
        others = values[values != mark]
        if set(f"{abs(mark):g}") != {"9"} or abs(mark) < 99 or not len(others):
            continue
        low, high = float(others.min()), float(others.max())
        if max(low - mark, mark - high) > high - low:
            told.append(
                f"The column {name!r} has {len(values) - len(others)} value(s) of {mark:g}, far "
                f"from all others ({low:g} to {high:g}); if it stands for a missing value, leave "
                f"those cells empty."
            )
    return told


def _filled(kept: Mapping[str, np.ndarray]) -> list[str]:
    """What is done about missing and infinite values and about rare texts."""
    told = []
    for name, values in kept.items():
        if values.dtype.kind == "f":
            absent, infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
            parts = [f"{absent} missing"] if absent else []
            parts += [f"{infinite} infinite"] if infinite else []
            if parts:
                told.append(
                    f"The column {name!r} has {' and '.join(parts)} value(s) in {len(values)} "
                    f"rows; the median of the training rows stands in."
                )
            told += _marks(name, values[np.isfinite(values)])
            continue
        if values.dtype != object:
            continue
        absent = sum(v is None for v in values.tolist())
        rule = "the more frequent value stands in" if is_boolean(values) else "a value of its own"
        if absent:
            told.append(f"The column {name!r} has {absent} missing value(s): {rule}.")
        different = len({v for v in values.tolist() if v is not None})
        if different > MOST:
            told.append(
                f"The column {name!r} has {different} different texts; the {MOST} most frequent "
                f"have a slot each, and the others share one."
            )
    return told
