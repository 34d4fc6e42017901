"""Baselines against what they are called after."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import Ridge
from tests.data.series.test_windows import prepared
from tests.hours import hourly

from trimaran.data.prepared import Prepared
from trimaran.data.series.baselines import ALPHAS, baselines


def given(found: Prepared, split: str = "test", own: bool = True) -> dict[str, Any]:
    rows, target = found.splits[split], found.preprocess.outputs["output"]
    made = baselines(rows, target, found.splits if own else None)
    return {
        name: values if isinstance(values, str) else target.decode_columns(values)
        for name, values in made.items()
    }


def test_the_last_value_and_the_last_season() -> None:
    frame = hourly(300)
    values = frame[["load", "heat"]].to_numpy()
    found = prepared(frame, length=30, horizon=30)
    target = found.preprocess.outputs["output"]
    made = given(found)
    for k, first in enumerate(target.times(found.splits["test"].ids)):
        assert np.allclose(made["naive"][k], values[first - 1], atol=1e-5)
        season = values[first - 24 : first]
        assert np.allclose(made["seasonal_naive"][k], np.resize(season, (30, 2)), atol=1e-5)


def test_a_window_that_is_shorter_than_a_season_says_so() -> None:
    made = given(prepared(hourly(300)))
    assert made["seasonal_naive"] == "the window of 12 steps is shorter than a season of 24"


def test_a_random_walk_has_returns_of_0() -> None:
    made = given(prepared(hourly(300), returns=True))
    assert np.allclose(made["random_walk"], 0, atol=1e-8)
    assert "random_walk" not in given(prepared(hourly(300)))


def test_ridge_is_scikit_learns_on_values_relative_to_the_last_one() -> None:
    found = prepared(hourly(300))
    rows = {name: part.inputs["input"][..., 0] for name, part in found.splits.items()}
    ahead = {name: part.targets["output"][..., 0] for name, part in found.splits.items()}
    last = {name: past[:, -1:] for name, past in rows.items()}
    told, errors = [], []
    for alpha in ALPHAS:
        model = Ridge(alpha=alpha).fit(
            (rows["train"] - last["train"]).astype(float), ahead["train"] - last["train"]
        )
        told.append(model.predict(rows["test"] - last["test"]) + last["test"])
        held = model.predict(rows["validation"] - last["validation"]) + last["validation"]
        errors.append(((held - ahead["validation"]) ** 2).mean())
    best = told[int(np.argmin(errors))]
    target = found.preprocess.outputs["output"]
    oracle = best * target.scale[0] + target.center[0]
    assert np.allclose(given(found)["ridge"][..., 0], oracle, atol=1e-3)


def test_ridge_needs_the_training_part() -> None:
    assert "is not at hand" in given(prepared(hourly(300)), own=False)["ridge"]
