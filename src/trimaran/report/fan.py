"""Forecasts as an SVG file that stands alone: the past, what is told, and what lies between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from trimaran.report.numbers import tick, ticks
from trimaran.report.svg import BOTTOM, LEFT, RIGHT, TOP, Frame, text

MOST = 12  # panels of one picture
WIDE, HIGH, HEAD = 560.0, 200.0, 26.0  # of a panel, and of the title above it and of the legend
SEASONS = 3  # horizons of the past that are shown
STYLE = (
    "svg{background:#fff}text{font:11px sans-serif;fill:#444}.title{font-weight:600}"
    ".grid{stroke:#ddd}.axis{stroke:#777}.past{fill:none;stroke:#1f5fbf;stroke-width:1.4}"
    ".told{fill:none;stroke:#d9730d;stroke-width:1.8}.band{fill:#d9730d;fill-opacity:.18}"
)


def fan(
    keys: Sequence[str],
    names: Sequence[str],
    times: Sequence[Sequence[str]],
    past: NDArray[Any],
    told: NDArray[Any],
    levels: NDArray[Any],
) -> str:
    """An SVG page: a panel for each series and column, the past, and what is told with bands
    between the outer quantiles; at most `MOST` panels.

    times: (series, length + horizon), how each step is written
    past:  (series, length, columns);  told: (series, horizon, columns), the point forecasts
    levels: (series, horizon, columns, levels), rising
    """
    places = [(s, c) for s in range(len(keys)) for c in range(len(names))]
    panels = [_legend(levels.shape[-1] > 1, len(places))]
    for number, (s, c) in enumerate(places[:MOST]):
        body = _panel(past[s, :, c], told[s, :, c], levels[s, :, c], times[s])
        title = text(LEFT, 16, f"{keys[s]}, {names[c]}", "title", "start")
        down = HEAD + number * (HEAD + HIGH)
        panels.append(
            f'<g transform="translate(0 {down:g})">{title}'
            f'<g transform="translate(0 {HEAD - TOP:g})">{body}</g></g>'
        )
    size = f'width="{WIDE:g}" height="{HEAD + (HEAD + HIGH) * (len(panels) - 1):g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>'
    return f"{head}{''.join(panels)}</svg>\n"


def _legend(banded: bool, count: int) -> str:
    """What the colours say, and how many panels are left out."""
    parts = [
        '<path class="past" d="M44 14h18"/>', text(66, 18, "past", "", "start"),
        '<path class="told" d="M114 14h18"/>', text(136, 18, "forecast", "", "start"),
    ]  # fmt: skip
    if banded:
        parts.append('<path class="band" d="M204 8h18v12h-18z"/>')
        parts.append(text(226, 18, "interval between quantiles", "", "start"))
    if count > MOST:
        parts.append(text(WIDE - RIGHT, 18, f"{MOST} of {count}", "", "end"))
    return "".join(parts)


def _panel(
    past: NDArray[Any], told: NDArray[Any], levels: NDArray[Any], times: Sequence[str]
) -> str:
    past = past[-SEASONS * len(levels) :]
    times = times[-len(past) - len(levels) :]
    low, high = float(min(past.min(), levels.min())), float(max(past.max(), levels.max()))
    pad = (high - low) * 0.05 or abs(high) * 0.1 or 1.0
    frame = Frame(WIDE, HIGH, (0, len(times) - 1), (low - pad, high + pad))
    first = len(past)

    def points(start: int, values: NDArray[Any] | list[Any]) -> str:
        return " ".join(
            f"{frame.across(start + i):.1f},{frame.down(float(v)):.1f}"
            for i, v in enumerate(values)
        )

    bands = "".join(
        f'<polygon class="band" points="{points(first, levels[:, -1 - k])} '
        f'{" ".join(points(first, levels[:, k]).split()[::-1])}"/>'
        for k in range(levels.shape[1] // 2)
    )
    return (
        f"{_axes(frame, times)}{bands}"
        f'<polyline class="past" points="{points(0, past)}"/>'
        f'<polyline class="told" points="{points(first - 1, [past[-1], *told])}"/>'
    )


def _axes(frame: Frame, times: Sequence[str]) -> str:
    """Round values on the left; the first and the last time below, and two between them."""
    right, base = frame.width - RIGHT, frame.height - BOTTOM
    parts = [f'<path class="axis" d="M{LEFT} {base:g}H{right:g}"/>']
    for value in ticks(*frame.y):
        y = frame.down(value)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{right:g}"/>')
        parts.append(text(LEFT - 6, y + 3.5, tick(value), "", "end"))
    last = len(times) - 1
    words = _brief(times)
    for step in sorted({round(last * share / 3) for share in range(4)}):
        x, side = frame.across(step), "start" if step == 0 else "end" if step == last else "middle"
        parts.append(f'<path class="axis" d="M{x:.1f} {base:g}v4"/>')
        parts.append(text(x, base + 17, words[step], "", side))
    return "".join(parts)


def _brief(times: Sequence[str]) -> list[str]:
    """Times without the clock, or without seconds, where these are 0 in all of them."""
    for end in (" 00:00:00", ":00"):
        if all(time.endswith(end) for time in times):
            return [time.removesuffix(end) for time in times]
    return list(times)
