"""Gradient norms by depth as a picture: a panel per ailment, a line per remedy, log scale."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10

from trimaran.explain.drawing import FAINT, PALETTE, figure, line, text
from trimaran.explain.gradients import Measured, decades

PANEL, HEIGHT, TOP, EDGE = 400.0, 240.0, 40.0, 60.0
ROW = 18.0


def draw(results: Sequence[Measured]) -> str:
    """|∂L/∂W| of each layer from the first to the last, as an SVG document."""
    ailments = list(dict.fromkeys(r.case.ailment for r in results))
    groups = [[r for r in results if r.case.ailment == ailment] for ailment in ailments]
    legend = max(len(group) for group in groups) * ROW
    parts = [part for i, group in enumerate(groups) for part in _panel(i * PANEL, group)]
    return figure(PANEL * len(groups), TOP + HEIGHT + 50 + legend, "Gradient norms by depth", parts)


def _panel(left: float, group: Sequence[Measured]) -> list[str]:
    low, high = decades(group)
    inner = PANEL - EDGE - 20
    parts = [text(left + EDGE + inner / 2, 22, f"{group[0].case.ailment}: |∂L/∂W| by layer")]
    step = max(1, (high - low) // 6)
    for power in range(low, high + 1, step):
        y = _y(power, low, high)
        parts += [line([(left + EDGE, y), (left + EDGE + inner, y)], FAINT)]
        parts += [text(left + EDGE - 6, y + 4, f"1e{power}", "end")]
    parts += [text(left + EDGE, TOP + HEIGHT + 18, "first layer", "start")]
    parts += [text(left + EDGE + inner, TOP + HEIGHT + 18, "last layer", "end")]
    for i, result in enumerate(group):
        colour, count = PALETTE[i % len(PALETTE)], len(result.norms) - 1
        points = [
            (left + EDGE + inner * k / count, _y(log10(max(n, 1e-30)), low, high))
            for k, n in enumerate(result.norms)
        ]
        score = "" if result.accuracy is None else f", accuracy {result.accuracy:.1%}"
        parts += [line(points, colour)]
        below = TOP + HEIGHT + 42 + i * ROW
        parts += [text(left + EDGE, below, f"— {result.case.name}{score}", "start", colour)]
    return parts


def _y(power: float, low: int, high: int) -> float:
    return TOP + HEIGHT * (high - power) / (high - low)
