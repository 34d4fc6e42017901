"""Runs from Python: `trimaran.train`."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trimaran import recipe as recipes
from trimaran import workflow
from trimaran.data.sources.cache import cache_root
from trimaran.errors import DataError, RecipeError
from trimaran.files import write_bytes
from trimaran.handle import Run
from trimaran.recipe import Layer, Recipe
from trimaran.steps.owndata import own_data


def train(
    recipe: str | Path | Mapping[str, Any] | Recipe | None = None,
    *,
    data: Mapping[str, Any] | str | tuple[Any, Any] | None = None,
    model: Mapping[str, Any] | str | None = None,
    training: Mapping[str, Any] | None = None,
    backend: str | None = None,
    out: str | Path | None = None,
    progress: bool = True,
) -> Run:
    """Train a recipe and score it: `train("mnist-cnn", training={"epochs": 3})`.

    Args:
        recipe: a name (`trimaran show recipes`), a YAML file, its values, or a `Recipe`; None is
            the default of every setting, with the model that suits the data.
        data: values over the recipe's, or rows in memory as a pair: (arrays, labels), (frame,
            labels) or (frame, name of the target column). They are kept as a file in the user's
            cache, which the recipe names, so the run can be resumed and scored again.
        model, training, backend: values over the recipe's.
        out: the run folder to make; None is a dated one in `runs/`.
        progress: show it, in a notebook in one cell.

    Raises:
        TrimaranError: recipe, data or training cannot be; the text says how to mend it.
    """
    if data is not None and not isinstance(data, str | Mapping):
        data = kept(data)
    given = {"data": data, "model": model, "training": training, "backend": backend}
    known = {key: value for key, value in given.items() if value is not None}
    asked = Layer("the arguments of train()", known)
    chosen = recipes.load(recipe or {}, asked)
    if recipe is None and chosen.data.path is not None:
        chosen, _ = own_data(None, chosen.data.path, (asked,))
    if chosen.data.set is None and chosen.data.path is None:
        raise RecipeError("The recipe names no data; give data={'set': 'mnist'} or a path.")
    watcher = _watch() if progress else None
    try:
        options = workflow.Options(out=out)
        if watcher is not None:
            options = workflow.Options(out=out, tell=watcher)
        return Run(workflow.run(chosen, options).run.path)
    finally:
        if watcher is not None:
            watcher.close()


def kept(pair: Any) -> dict[str, Any]:
    """Rows in memory as a file in the user's cache, named by its content: a recipe's `data:`.

    Raises `DataError` for what is no pair of rows and targets.
    """
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise DataError(
            f"data is {type(pair).__name__}; give a pair (x, y) of arrays, (frame, 'column'), or "
            "settings such as {'set': 'mnist'}."
        )
    x, y = pair
    buffer, settings = io.BytesIO(), {}
    if hasattr(x, "columns"):
        name, settings["target"] = "frame.parquet", _write_frame(buffer, x, y)
    else:
        name = "arrays.npz"
        x, y = np.asarray(x), np.asarray(y)
        np.savez(buffer, x=x, y=np.asarray(y.tolist()) if y.dtype == object else y)
    content = buffer.getvalue()
    path = cache_root() / "rows" / hashlib.sha256(content).hexdigest()[:16] / name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, content)
    return {"path": str(path), **settings}


def _write_frame(buffer: io.BytesIO, x: Any, y: Any) -> str:
    """The frame with its target, as Parquet; returns the target's name."""
    import pandas as pd

    from trimaran.data.sources.table import column, from_frame

    columns, target = dict(from_frame(x).columns), y
    if not isinstance(y, str):
        target, columns["(target)"] = "(target)", column(np.asarray(y))
    if len({len(values) for values in columns.values()}) > 1:
        raise DataError(f"There are {len(x)} rows of input, but {len(y)} targets; give one each.")
    pd.DataFrame(columns).to_parquet(buffer)
    return str(target)


def _watch() -> Any:
    from trimaran.cli.progress import watch

    return watch()
