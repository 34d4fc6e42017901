"""The page of a ladder: curves over each other, deviations on a logarithmic scale."""

from __future__ import annotations

import json
import re
from typing import Any

from trimaran.comparison.rung import Rung
from trimaran.report.parity import render


def rung(name: str, other: str = "jax", **more: Any) -> dict[str, Any]:
    given = {"tolerance": 1e-9, "deviation": 1e-16, "ok": True, **more}
    made = Rung(name, ("torch", other), "float64", **given).to_json()
    return {"optimizer": "adam", **json.loads(json.dumps(made, allow_nan=False))}


def page(*rungs: dict[str, Any]) -> str:
    return render(
        {
            "ok": all(r["ok"] for r in rungs), "verdict": "", "model": "mlp", "steps": 100,
            "backends": ["torch", "tensorflow", "jax"], "batch_size": 8, "seed": 0,
            "rungs": list(rungs),
        }
    )  # fmt: skip


def pictures(text: str) -> dict[str, str]:
    """The drawings by their name."""
    return dict(re.findall(r'<svg[^>]*aria-label="([^"]*)">(.*?)</svg>', text))


def labels(drawing: str) -> list[str]:
    return re.findall(r'class="tick"[^>]*>([^<]*)<', drawing)


def test_deviations_stand_on_a_logarithmic_scale_below_their_tolerance() -> None:
    """Though they differ by less than a tenth, and one is nothing at all."""
    curve = (1e-16, 1.05e-16, 1.02e-16)
    found = page(
        rung("updates from shared states", curve=curve),
        rung("updates from shared states", "tensorflow", curve=(0.0, 0.0, 0.0)),
    )
    drawing = pictures(found)["Updates from shared states (adam, float64)"]
    assert {"1e-18", "1e-16", "1e-14"} <= set(labels(drawing)) and "tolerance" in drawing


def test_a_free_run_is_drawn_at_the_updates_that_were_looked_at() -> None:
    found = page(rung("free run", curve=(1e-16, 1e-15, 1e-14), steps=(1, 2, 100)))
    drawing = pictures(found)["Free run (adam, float64)"]
    assert "1e-14 at 100" in drawing.replace("1.00e-14", "1e-14") and "at 3" not in drawing
    assert labels(drawing)[-1] == "100"


def test_the_losses_of_all_backends_lie_over_each_other() -> None:
    losses = ((2.0, 1.0), (2.0, 1.0))
    runs = [rung("free run", other, curve=(1e-16,) * 2, losses=losses, steps=(1, 2))
            for other in ("tensorflow", "jax")]  # fmt: skip
    drawing = pictures(page(*runs))["Loss of the free run (adam, float64)"]
    lines = re.findall(r'class="([^"]* line)" d="([^"]*)"', drawing)
    assert [style for style, _ in lines] == [
        "series-1 broad line", "series-2 line", "series-3 dashed line",
    ]  # fmt: skip
    assert len({path for _, path in lines}) == 1


def test_what_is_not_finite_is_told_and_breaks_no_drawing() -> None:
    broken = rung(
        "free run", ok=False, deviation=float("inf"), curve=(1e-16, float("inf")),
        losses=((1.0, 1.0), (1.0, float("nan"))), steps=(1, 2),
    )  # fmt: skip
    assert broken["deviation"] is None and broken["curve"] == [1e-16, None]
    text = page(broken)
    assert "not finite" in text and "not the same" in text and len(pictures(text)) == 2
    assert not re.search(r"\b(nan|inf)\b", " ".join(pictures(text).values()))


def test_a_curve_without_one_finite_value_is_left_out() -> None:
    text = page(rung("free run", ok=False, deviation=float("nan"), curve=(float("nan"),) * 2))
    assert pictures(text) == {}


def test_one_update_of_one_row_is_no_plural() -> None:
    found = {"ok": True, "verdict": "", "model": "mlp", "backends": ["torch"], "seed": 0}
    one = " ".join(render({**found, "steps": 1, "batch_size": 1, "rungs": []}).split())
    assert "1 update of 1 row; seed 0" in one
    two = " ".join(render({**found, "steps": 2, "batch_size": 2, "rungs": []}).split())
    assert "2 updates of 2 rows; seed 0" in two
