"""Runs from Python: `trimaran.train`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trimaran import recipe as recipes
from trimaran import workflow
from trimaran.errors import RecipeError
from trimaran.recipe import Layer, Recipe
from trimaran.runs import Run


def train(
    recipe: str | Path | Mapping[str, Any] | Recipe,
    *,
    data: Mapping[str, Any] | str | None = None,
    model: Mapping[str, Any] | str | None = None,
    training: Mapping[str, Any] | None = None,
    backend: str | None = None,
    out: str | Path | None = None,
    progress: bool = True,
) -> Run:
    """Train a recipe and score it: `train("mnist-cnn", training={"epochs": 3})`.

    Args:
        recipe: a name (`trimaran show recipes`), a YAML file, its values, or a `Recipe`.
        data, model, training, backend: values over the recipe's.
        out: the run folder to make; None is a dated one in `runs/`.
        progress: show it, in a notebook in one cell.

    Raises:
        TrimaranError: recipe, data or training cannot be; the text says how to mend it.
    """
    given = {"data": data, "model": model, "training": training, "backend": backend}
    known = {key: value for key, value in given.items() if value is not None}
    chosen = recipes.load(recipe, Layer("the arguments of train()", known))
    if chosen.data.set is None and chosen.data.path is None:
        raise RecipeError("The recipe names no data; give data={'set': 'mnist'} or a path.")
    watcher = _watch() if progress else None
    try:
        options = workflow.Options(out=out)
        if watcher is not None:
            options = workflow.Options(out=out, tell=watcher)
        return workflow.run(chosen, options).run
    finally:
        if watcher is not None:
            watcher.close()


def _watch() -> Any:
    from trimaran.cli.progress import watch

    return watch()
