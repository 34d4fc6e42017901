"""Gradient health of the layers while training, as rows of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from trimaran.report.numbers import short
from trimaran.report.svg import spark


@dataclass(frozen=True)
class LayerRow:
    """The last figures of a layer, as text, and the course of its gradient."""

    layer: str
    gradient: str
    update: str
    dead: str
    saturated: str
    ill: bool
    course: Markup


def layer_rows(health: Sequence[Mapping[str, Any]]) -> tuple[LayerRow, ...]:
    """One row per layer of the last Health event; empty where there was none."""
    if not health:
        return ()
    courses: dict[str, list[float]] = {}
    for event in health:
        for layer in event.get("layers", ()):
            courses.setdefault(layer["layer"], []).append(layer.get("gradient") or 0.0)
    ill = {diagnosis["layer"] for diagnosis in health[-1].get("diagnoses", ())}
    return tuple(
        LayerRow(
            layer=layer["layer"],
            gradient=short(layer.get("gradient")),
            update=short(layer.get("update")),
            dead=_percent(layer.get("dead")),
            saturated=_percent(layer.get("saturated")),
            ill=layer["layer"] in ill,
            course=spark(courses[layer["layer"]], f"gradient of {layer['layer']}, logarithmic"),
        )
        for layer in health[-1].get("layers", ())
    )


def diagnoses(health: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each diagnosis with its remedy; of one kind in one layer, the latest is told."""
    latest = {
        (found["layer"], found["what"]): f"{found['text']} {found['remedy']}"
        for event in health
        for found in event.get("diagnoses", ())
    }
    return list(latest.values())


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"
