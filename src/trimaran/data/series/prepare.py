"""A table with a time as a data set to forecast: windows in splits, scaled by the past alone."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from trimaran.data.batches import INPUT, OUTPUT, Rows
from trimaran.data.prepared import Output, Prepared
from trimaran.data.preprocess import Preprocess
from trimaran.data.series import stamps
from trimaran.data.series.ahead import refuse_future
from trimaran.data.series.field import Laid, SeriesField
from trimaran.data.series.lines import Frame, RawSeries, raw_series, refuse_missing
from trimaran.data.series.target import Forecast, mase_errors
from trimaran.data.series.windows import Cut, cut, split_windows
from trimaran.data.settings import DataSettings
from trimaran.data.splits import TRAIN
from trimaran.errors import RecipeError


def prepare_series(found: Frame, settings: DataSettings, test: float) -> Prepared:
    """Windows in splits; see `SeriesSettings`.

    test: the share of all time that tests, at its end, where the source is not split already.
    Raises `DataError` naming the row or column that cannot be used, `RecipeError` for settings that
    do not suit.
    """
    settings = settled(settings)
    series = settings.series
    if found.parts and series.step is not None:
        raise RecipeError(
            f"data.series.step={series.step} is set, but the parts of {found.name} are counted in "
            "its own steps; leave it out."
        )
    raw = raw_series(found, series, settings.drop, settings.keep)
    if series.fill == "refuse":
        refuse_missing(raw)
    where = cut(raw, (settings.validation, test), series.gap)
    ends = [where.end(TRAIN, line.stamps) for line in raw.lines]
    refuse_future(raw, ends, settings)
    field = SeriesField.fit(raw, series, ends)
    laid = [field.lay(line, raw) for line in raw.lines]
    target = _target(raw, field, [each.goals[:end] for each, end in zip(laid, ends, strict=True)])
    splits, lost = split_windows(laid, field, target, where)
    return Prepared(
        name=raw.name,
        task="forecast",
        splits=splits,
        inputs={INPUT: field.shape},
        outputs={OUTPUT: Output.of(target)},
        preprocess=Preprocess({INPUT: field}, {OUTPUT: target}),
        facts={**raw.facts, **_facts(raw, laid, splits, where)},
        notices=(
            *raw.notices,
            *_ignored(raw, settings),
            *_notices(raw, lost),
            *_phases(series.stride, target.season),
        ),
    )


def settled(settings: DataSettings) -> DataSettings:
    """`data.target` is one target more, unless it is among them already.

    Raises `RecipeError` for settings that series do not have.
    """
    unused = ("split_column", "group", "weights", "limit")
    given = [name for name in unused if getattr(settings, name) is not None]
    if given:
        raise RecipeError(
            f"data.{given[0]} is set, but series are split in time and used whole; leave it out."
        )
    for name in ("length", "stride"):
        if getattr(settings, name) is not None:
            raise RecipeError(
                f"data.{name} counts the tokens of a text; for series set data.series.{name}."
            )
    series, target = settings.series, settings.target
    if target is not None and target not in series.targets:
        series = replace(series, targets=(*series.targets, target))
    return replace(settings, series=series, target=None)


def _target(raw: RawSeries, field: SeriesField, train: list[np.ndarray]) -> Forecast:
    series = field.settings
    season = series.season or stamps.season(raw.step, raw.dated)
    count = raw.targets
    return Forecast(
        names=raw.columns[:count],
        horizon=series.horizon,
        center=field.center[:count],
        scale=field.scale[:count],
        errors=mase_errors(train, season),
        season=season,
        returns=series.returns,
        quantiles=series.quantiles,
        series=len(raw.lines),
        keys=tuple(line.key for line in raw.lines),
    )


def _facts(
    raw: RawSeries, laid: Sequence[Laid], splits: Mapping[str, Rows], where: Cut
) -> dict[str, Any]:
    def begin(name: str) -> str:
        return stamps.told(int(where.grid[where.zones[name][0]]), raw.dated)

    return {
        "rows": {name: len(rows) for name, rows in splits.items()},
        **{f"{name} from": begin(name) for name in splits},
        "digest": _digest(laid, splits),
    }


def _digest(laid: Sequence[Laid], splits: Mapping[str, Rows]) -> str:
    """SHA-256 of the series and of the places of the windows, which are cut from them."""
    total = hashlib.sha256()
    for each in laid:
        for values in (each.stamps, each.inputs, each.goals):
            total.update(f"{each.key} {values.dtype} {values.shape}".encode())
            total.update(np.ascontiguousarray(values).data)
    for name, rows in splits.items():
        total.update(f"{name} {rows.inputs[INPUT].shape} {rows.targets[OUTPUT].shape}".encode())
        total.update(np.ascontiguousarray(rows.ids).data)
    return total.hexdigest()


def _ignored(raw: RawSeries, settings: DataSettings) -> tuple[str, ...]:
    if settings.test and raw.parts:
        return (f"data.test={settings.test} is not used: {raw.name} has its own test split.",)
    return ()


def _notices(raw: RawSeries, lost: Mapping[str, int]) -> tuple[str, ...]:
    missing = sum(int((~np.isfinite(line.values)).sum()) for line in raw.lines)
    if not missing:
        return ()
    left = ", ".join(f"{count} of {name}" for name, count in lost.items() if count)
    gone = f" {left} window(s) that would have to forecast them are left out." if left else ""
    longest = max(_longest(line.values) for line in raw.lines)
    return (
        f"{missing} missing value(s) are filled with the last known one, the longest gap over "
        f"{longest} step(s).{gone}",
    )


def _phases(stride: int, season: int) -> tuple[str, ...]:
    """What a stride that shares a factor with the season hides from training."""
    shared = math.gcd(stride, season)
    if shared == 1:
        return ()
    return (
        f"With data.series.stride={stride} training windows begin at {season // shared} of the "
        f"{season} steps of a season only, while all are scored; a stride that shares no factor "
        f"with {season} shows all of them.",
    )


def _longest(values: np.ndarray) -> int:
    """The most missing values on end in a column."""
    seen = np.isfinite(values)
    count = np.arange(1, len(values) + 1)[:, None]
    last = np.maximum.accumulate(np.where(seen, count, 0), axis=0)
    return int((count - last).max(initial=0))
