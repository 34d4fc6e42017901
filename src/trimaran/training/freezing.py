"""Which weights a glob of dotted paths freezes."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from trimaran.errors import TrainingError
from trimaran.training.naming import nearest


def matches(key: str, pattern: str) -> bool:
    """Whether the glob is that of the parameter or of a block around it."""
    parts = key.split(".")
    around = (".".join(parts[:n]) for n in range(1, len(parts) + 1))
    return any(fnmatch.fnmatchcase(path, pattern) for path in around)


def unknown_pattern(pattern: str, keys: Sequence[str]) -> TrainingError:
    """The error of a glob that matches none of the keys."""
    hint = nearest(pattern, sorted({k.rpartition(".")[0] or k for k in keys}))
    return TrainingError(f"The pattern {pattern!r} in freeze matches no weight; {hint}")
