"""A run's forecasts: their scores beside the baselines, and windows for the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from trimaran.data.batches import OUTPUT, Rows
from trimaran.data.series.baselines import baselines, own
from trimaran.data.series.target import Forecast
from trimaran.data.stream import Stream
from trimaran.evaluation.forecasts import ForecastScores, Truth, score_forecasts
from trimaran.files import write_arrays

EXAMPLES = 4
"""Windows that the report draws, evenly spread over the split."""
COLUMNS = 3
"""Columns of each."""


def score(
    rows: Rows, given: np.ndarray, target: Forecast, splits: Mapping[str, Rows | Stream] | None
) -> ForecastScores:
    """Scores of the network's output (n, horizon, size), standardised, in the data's units.

    splits: those of the run, to fit the linear baseline on; None leaves it out.
    """
    true = target.decode_columns(rows.targets[OUTPUT])
    fitted = None
    if splits is not None:
        fitted = {name: part for name, part in splits.items() if isinstance(part, Rows)}
    others = {
        name: values if isinstance(values, str) else target.decode_columns(values)
        for name, values in baselines(rows, target, fitted).items()
    }
    truth = Truth(
        true, target.times(rows.ids), np.array(target.scale), target.errors, target.names,
        target.season,
    )  # fmt: skip
    whole = target.decode(given)
    told = target.levels(whole)
    levels = {level: told[..., k] for k, level in enumerate(target.quantiles)}
    return score_forecasts(truth, target.point(whole), others, levels)


def write_examples(folder: Path, rows: Rows, given: np.ndarray, target: Forecast) -> None:
    """artifacts/forecasts.npz: some windows with what came and what was told, in the data's units.

    past (k, length, c), true (k, horizon, c), told (k, horizon, c, levels), the columns' names,
    and of several series the key of each window.
    """
    index = np.unique(np.linspace(0, len(rows) - 1, EXAMPLES).astype(np.int64))
    part = rows.take(index)
    shown = min(COLUMNS, len(target.names))
    past = target.decode_columns(own(part, target))[..., :shown]
    true = target.decode_columns(part.targets[OUTPUT])[..., :shown]
    told = target.levels(target.decode(given[index]))
    folder.mkdir(exist_ok=True)
    arrays = {
        "past": past[:, -2 * target.horizon :],
        "true": true,
        "told": told[:, :, :shown],
        "columns": np.array(target.names[:shown]),
        "levels": np.array(target.quantiles or (0.5,)),
    }
    if len(target.keys) > 1:
        arrays["keys"] = np.array([target.keys[k] for k in part.ids % target.series])
    write_arrays(folder / "forecasts.npz", arrays)
