"""A recipe for the user's own data: what was found decides whatever was not chosen."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from trimaran import recipe as recipes
from trimaran.data.look import look
from trimaran.recipe import Layer, Recipe
from trimaran.training.settings import Training

UPDATES = 3000
FEWEST, MOST = 5, 100
PATIENCE = 10


def own_data(name: str | None, path: str, changes: tuple[Layer, ...]) -> tuple[Recipe, list[str]]:
    """Look at the data at `path`: the recipe for it, and sentences on what was found.

    `name` is a recipe to start from, whose training is then kept; `changes` win over all.
    """
    where = Path(path).expanduser()
    first: Any = name or {"name": where.stem or "data", "data": {"path": str(where)}}
    given = (Layer("--data", {"data": {"path": path}}), *changes)
    base = recipes.load(first, *given)
    found = look(path, base.data.target, base.data_settings())
    asked = f"Model: {base.model.zoo}, as asked for."
    suggested = f"Model: {found.model}, {found.why}."
    sentences = [*found.sentences, asked if base.model.zoo else suggested]
    if name is None:
        base = recipes.load(first, Layer("what was found", {"training": found.training}), *given)
        paced = {**found.training, **pace(found.details["rows"], base)}
        base = recipes.load(first, Layer("what was found", {"training": paced}), *given)
        sentences.append(_told(base.training))
    settings = replace(found.settings, task=None, path=os.path.abspath(where))
    model = replace(base.model, zoo=base.model.zoo or found.model)
    return replace(base, task=found.task, data=settings, model=model), sentences


def pace(rows: int, base: Recipe) -> dict[str, Any]:
    """Training long enough for a set of so many rows: about 3,000 updates, in 5 to 100 epochs,
    ended early where the validation loss no longer falls."""
    updates = max(1, math.ceil(rows * 0.64 / base.training.batch_size))
    epochs = min(max(math.ceil(UPDATES / updates), FEWEST), MOST)
    if not base.data.validation:
        return {"epochs": epochs}
    return {"epochs": epochs, "early_stopping": {"monitor": "val_loss", "patience": PATIENCE}}


def _told(training: Training) -> str:
    stop = training.early_stopping
    end = f", fewer where {stop.monitor} stands still for {stop.patience} of them" if stop else ""
    return f"Training: up to {training.epochs} epochs{end}; the best weights are kept."
