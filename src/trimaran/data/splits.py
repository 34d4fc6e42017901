"""Which row trains, which validates, which tests: drawn once, from a seed, by a stated rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trimaran.data.order import SPLIT, permutation
from trimaran.errors import DataError

TRAIN, VALIDATION, TEST = "train", "validation", "test"
# What people write in a column that fixes the split.
SPELLINGS = {
    "train": TRAIN,
    "training": TRAIN,
    "validation": VALIDATION,
    "valid": VALIDATION,
    "val": VALIDATION,
    "dev": VALIDATION,
    "test": TEST,
    "testing": TEST,
}


@dataclass(frozen=True)
class SplitSettings:
    """How to split.

    validation, test: fractions of the rows, each in [0, 1), together below 1
    stratify:         keep the shares of the classes in each split
    shuffle:          draw at random; False takes the last rows, as Keras's validation_split does
    group:            name of the column whose equal values stay together (one patient, one user)
    column:           name of the column that already says train, validation or test

    Raises `DataError` for fractions out of range and for rules that exclude each other.
    """

    validation: float = 0.2
    test: float = 0.0
    stratify: bool = False
    shuffle: bool = True
    group: str | None = None
    column: str | None = None

    def __post_init__(self) -> None:
        for name, value in ((VALIDATION, self.validation), (TEST, self.test)):
            if not 0 <= value < 1:
                raise DataError(
                    f"The {name} fraction must be at least 0 and below 1, but is {value}; "
                    f"write 0.2 for a fifth of the rows."
                )
        if self.validation + self.test >= 1:
            raise DataError(
                f"The validation fraction {self.validation} and the test fraction {self.test} "
                f"leave no row to train on; their sum must be below 1."
            )
        if self.stratify and (self.group is not None or not self.shuffle):
            other = "group" if self.group is not None else "shuffle=False"
            raise DataError(f"A split cannot obey both stratify and {other}; choose one of them.")

    def fractions(self) -> dict[str, float]:
        """The held-out splits that are wanted, test first: it must not depend on validation."""
        wanted = {TEST: self.test, VALIDATION: self.validation}
        return {name: fraction for name, fraction in wanted.items() if fraction > 0}


def split(
    n: int,
    settings: SplitSettings,
    labels: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    fixed: np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Rows 0..n-1 as {"train", "validation"?, "test"?}: sorted (k,) int64 positions, disjoint.

    labels: (n,) classes, for `stratify`; groups: (n,) values that stay together; fixed: (n,)
    strings "train", "validation" or "test". A split that `fixed` names is taken as it stands; one
    that it does not name is drawn from the rows fixed as "train", as its fraction of those.
    Raises `DataError` where the request cannot be met.
    """
    _need(n, settings, {"stratify": labels, "group": groups, "column": fixed})
    parts = {TRAIN: np.arange(n)} if fixed is None else _fixed(fixed)
    if groups is not None:
        _whole_groups(groups, parts)
    free = parts[TRAIN]
    wanted = {k: f for k, f in settings.fractions().items() if k not in parts}
    if len(free) <= len(wanted):
        raise DataError(
            f"{len(free)} rows are too few for {len(wanted) + 1} splits; "
            f"add rows or ask for fewer splits."
        )
    if groups is not None:
        drawn = _grouped(groups[free], wanted, settings, seed)
    elif settings.stratify:
        assert labels is not None
        drawn = _stratified(labels[free], wanted, seed)
    else:
        drawn = _plain(len(free), wanted, settings, seed)
    names = {k: np.sort(free[v]) for k, v in drawn.items()}
    merged = parts | names
    return {k: merged[k] for k in (TRAIN, VALIDATION, TEST) if k in merged}


def _need(n: int, settings: SplitSettings, given: dict[str, np.ndarray | None]) -> None:
    asked = {
        "stratify": settings.stratify,
        "group": settings.group is not None,
        "column": settings.column is not None,
    }
    for rule, values in given.items():
        if asked[rule] and values is None:
            raise DataError(f"The split rule {rule!r} needs a value for each row, but got none.")
        if values is not None and len(values) != n:
            raise DataError(
                f"The split rule {rule!r} needs {n} values, one per row, but got {len(values)}."
            )
        if values is not None:
            _nothing_missing(rule, values)


def _nothing_missing(rule: str, values: np.ndarray) -> None:
    missing = np.zeros(len(values), bool)
    if values.dtype.kind in "fO":
        missing = np.array([v is None or bool(v != v) for v in values.tolist()], bool)
    if missing.any():
        raise DataError(
            f"Row {int(missing.argmax())} has no value for the split rule {rule!r}; "
            f"fill it in or drop the row."
        )


def _fixed(fixed: np.ndarray) -> dict[str, np.ndarray]:
    written = np.array([SPELLINGS.get(str(v).strip().lower(), "") for v in fixed])
    unknown = np.flatnonzero(written == "")
    if len(unknown):
        raise DataError(
            f"Row {unknown[0]} is assigned to the split {str(fixed[unknown[0]])!r}; "
            f"expected train, validation or test."
        )
    if not (written == TRAIN).any():
        raise DataError("The split column assigns no row to train; mark some rows with 'train'.")
    return {name: np.flatnonzero(written == name) for name in np.unique(written).tolist()}


def _whole_groups(groups: np.ndarray, parts: dict[str, np.ndarray]) -> None:
    names, codes = np.unique(groups, return_inverse=True)
    home = np.full(len(names), -1)
    for number, (name, rows) in enumerate(parts.items()):
        torn = (home[codes[rows]] != -1) & (home[codes[rows]] != number)
        if torn.any():
            row = int(rows[int(torn.argmax())])
            raise DataError(
                f"The group {str(groups[row])!r} of row {row} stands in {name} and in another "
                f"split by the split column; give all rows of a group the same split."
            )
        home[codes[rows]] = number


def _counts(n: int, wanted: dict[str, float]) -> dict[str, int]:
    """Rows per held-out split: the nearest whole number, at least 1, and 1 left for train."""
    counts: dict[str, int] = {}
    for later, (name, fraction) in zip(reversed(range(len(wanted))), wanted.items(), strict=True):
        most = n - sum(counts.values()) - later - 1
        counts[name] = min(max(1, int(n * fraction + 0.5)), most)
    return counts


def _plain(
    n: int, wanted: dict[str, float], settings: SplitSettings, seed: int
) -> dict[str, np.ndarray]:
    # Held-out rows are cut from the end: without shuffling, test is the very last part.
    order = permutation(n, seed, SPLIT) if settings.shuffle else np.arange(n)
    drawn = {}
    for name, count in _counts(n, wanted).items():
        order, drawn[name] = order[: len(order) - count], order[len(order) - count :]
    return {TRAIN: order, **drawn}


def _stratified(labels: np.ndarray, wanted: dict[str, float], seed: int) -> dict[str, np.ndarray]:
    classes, codes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    splits = len(wanted) + 1
    if sizes.min() < splits:
        rare = int(sizes.argmin())
        raise DataError(
            f"The class {str(classes[rare])!r} has {sizes[rare]} row(s), too few to stand in each "
            f"of {splits} splits; add rows, merge the class or set data.stratify=false."
        )
    order = permutation(len(labels), seed, SPLIT)
    by_class = [order[codes[order] == c] for c in range(len(classes))]
    drawn = {}
    for later, (name, total) in zip(
        reversed(range(len(wanted))), _counts(len(labels), wanted).items(), strict=True
    ):
        left = np.array([len(rows) for rows in by_class])
        take = _shares(sizes, total, left - later - 1, name)
        drawn[name] = np.concatenate([r[:k] for r, k in zip(by_class, take, strict=True)])
        by_class = [r[k:] for r, k in zip(by_class, take, strict=True)]
    return {TRAIN: np.concatenate(by_class), **drawn}


def _shares(sizes: np.ndarray, total: int, most: np.ndarray, name: str) -> np.ndarray:
    """`total` rows dealt to classes by size (largest remainder), between 1 and `most` each."""
    if total < len(sizes):
        raise DataError(
            f"The {name} split has {total} row(s) for {len(sizes)} classes; "
            f"raise its fraction or set data.stratify=false."
        )
    quota = sizes * (total / sizes.sum())
    take = np.clip(np.floor(quota).astype(np.int64), 1, most)
    while take.sum() != total:
        step = 1 if take.sum() < total else -1
        room = take < most if step > 0 else take > 1
        if not room.any():
            break
        need = np.where(room, step * (quota - take), -np.inf)
        take[need.argmax()] += step
    return np.asarray(take)


def _grouped(
    groups: np.ndarray, wanted: dict[str, float], settings: SplitSettings, seed: int
) -> dict[str, np.ndarray]:
    names, first, codes = np.unique(groups, return_index=True, return_inverse=True)
    if len(names) <= len(wanted):
        raise DataError(
            f"{len(names)} group(s) cannot fill {len(wanted) + 1} splits, because a group stays "
            f"whole; use a finer group column or ask for fewer splits."
        )
    # Without shuffling, groups keep the order in which they first appear; the last are held out.
    order = permutation(len(names), seed, SPLIT) if settings.shuffle else np.argsort(first)[::-1]
    sizes = np.bincount(codes)
    drawn = {}
    for later, (name, fraction) in zip(reversed(range(len(wanted))), wanted.items(), strict=True):
        reached = np.cumsum(sizes[order])[: len(order) - later - 1]
        count = int(np.abs(reached - fraction * len(groups)).argmin()) + 1
        drawn[name] = np.flatnonzero(np.isin(codes, order[:count]))
        order = order[count:]
    return {TRAIN: np.flatnonzero(np.isin(codes, order)), **drawn}
