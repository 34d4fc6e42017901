"""Planted runs told together."""

from __future__ import annotations

import json

from tests.comparison.planted_table3 import measured

from trimaran.comparison.cells import CELLS
from trimaran.evaluation.intervals import wilson
from trimaran.steps.together import share


def test_planted_runs_are_counted() -> None:
    found = measured()
    by_place = {(one["task"], one["length"], one["cell"]): one for one in found["success"]}
    assert len(by_place) == 3 * 3 * 3
    assert [by_place["adding", n, "gru"]["count"] for n in (10, 20, 40)] == [3, 3, 0]
    assert by_place["adding", 40, "gru"]["updates"] is None
    assert by_place["copy", 20, "lstm"]["updates"]["median"] == 100
    assert found["cells"]["lstm"]["count"] == found["cells"]["lstm"]["runs"] == 27
    swept = [own["diverged"] for own in found["cells"].values()]
    assert [(one["count"], one["runs"]) for one in swept] == [(3, 15)] * 3
    rates = {(one["rate"], one["cell"]): one for one in found["rates"]}
    assert len(rates) == 5 * 3
    assert rates[10.0, "rnn"]["diverged"]["count"] == 3 and rates[10.0, "rnn"]["count"] == 0
    assert rates[0.01, "lstm"]["diverged"]["count"] == 0 and rates[0.01, "lstm"]["count"] == 3
    assert [one["cell"] for one in found["equal"]] == list(CELLS)
    json.dumps(found, allow_nan=False)


def test_shares_have_wilsons_interval() -> None:
    found = share([True, True, False, True, True])
    bounds = wilson(0.8, 5)
    assert (found["count"], found["runs"], found["share"]) == (4, 5, 0.8)
    assert (found["low"], found["high"]) == (bounds.low, bounds.high)
