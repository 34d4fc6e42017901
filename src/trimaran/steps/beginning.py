"""The weights that a run begins with: drawn, or those of a file over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trimaran import runs
from trimaran.recipe import ModelSettings
from trimaran.spec import Model
from trimaran.weights import draw
from trimaran.weights.formats import digest
from trimaran.weights.overlay import overlay


@dataclass(frozen=True)
class Beginning:
    """`source` says where the arrays are from, as environment.json keeps it; it is empty where
    they were drawn."""

    arrays: dict[str, np.ndarray]
    source: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @property
    def identity(self) -> dict[str, str]:
        """What must be the same for a run to go on from a checkpoint."""
        return {"weights": self.source["sha256"]} if self.source else {}


def begin(model: Model, settings: ModelSettings, seed: int) -> Beginning:
    """The first weights of a run.

    Raises:
        RunError: `settings.weights` cannot be read, or is of another model.
    """
    drawn = draw(model, seed)
    if not settings.weights:
        return Beginning(drawn)
    path = located(settings.weights)
    found = overlay(model, drawn, path)
    source = {"path": path, "sha256": digest(path), "drawn": list(found.drawn)}
    return Beginning(found.arrays, source, (found.notice,))


def located(name: str) -> str:
    """The whole path of a file of weights, or of those of a run.

    Raises:
        RunError: `name` is neither a file nor a run.
    """
    path = Path(name)
    if path.is_file() or (path.suffix and not path.is_dir()):
        return str(path.resolve())
    return str(runs.find(name).path.resolve() / runs.WEIGHTS)
