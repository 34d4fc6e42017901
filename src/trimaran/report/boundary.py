"""The decision regions of a classifier that reads two numbers, with the rows it was scored on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from trimaran.report.numbers import tick, ticks
from trimaran.report.pictures import data_uri
from trimaran.report.svg import picture, text

SIDE, LEFT, TOP, BOTTOM, RIGHT = 300.0, 52.0, 12.0, 42.0, 130.0
HUES = ("#b2182b", "#2166ac", "#1b7837", "#762a83", "#e08214", "#01665e", "#8c510a", "#c51b7d")


def draw(arrays: Mapping[str, NDArray[Any]]) -> Markup | None:
    """The picture of artifacts/boundary.npz, as `steps.scoring.write_boundary` describes it; None
    where there are more classes than colours."""
    if not arrays or len(arrays["classes"]) > len(HUES):
        return None
    uri = data_uri(_colours(arrays["chances"]), 400)
    place = f'x="{LEFT:g}" y="{TOP:g}" width="{SIDE:g}" height="{SIDE:g}"'
    body = [
        f'<image {place} preserveAspectRatio="none" href="{uri}"/>',
        *_axes(arrays),
        *_points(arrays),
        *_legend(arrays["classes"].tolist()),
    ]
    size = (LEFT + SIDE + RIGHT, TOP + SIDE + BOTTOM)
    return picture(
        *size, "".join(body), "Decision regions and the rows that were scored", "boundary"
    )


def _colours(chances: NDArray[Any]) -> NDArray[np.uint8]:
    """The colour of the likeliest class, paler where it is less sure: white at an even chance."""
    hues = np.array([[int(hue[i : i + 2], 16) for i in (1, 3, 5)] for hue in HUES])
    even = 1 / chances.shape[-1]
    sure = 0.1 + 0.45 * (chances.max(-1, keepdims=True) - even) / (1 - even)
    return np.asarray((255 - sure * (255 - hues[chances.argmax(-1)])).round(), np.uint8)


def _axes(arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    low, high = arrays["low"], arrays["high"]
    parts = []
    for value in ticks(float(low[0]), float(high[0]), 4):
        x = LEFT + SIDE * (value - low[0]) / (high[0] - low[0])
        parts.append(text(x, TOP + SIDE + 15, tick(value), "tick"))
    for value in ticks(float(low[1]), float(high[1]), 4):
        y = TOP + SIDE * (high[1] - value) / (high[1] - low[1])
        parts.append(text(LEFT - 6, y + 3.5, tick(value), "tick", "end"))
    across, up = arrays["columns"].tolist()
    middle = TOP + SIDE / 2
    parts.append(text(LEFT + SIDE / 2, TOP + SIDE + 34, across, "label"))
    turned = f'<g transform="translate(14 {middle:g}) rotate(-90)">'
    parts.append(f"{turned}{text(0, 0, up, 'label')}</g>")
    return parts


def _points(arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    low, high = arrays["low"], arrays["high"]
    share = (arrays["points"] - low) / (high - low)
    return [
        f'<circle cx="{LEFT + SIDE * x:.1f}" cy="{TOP + SIDE * (1 - y):.1f}" r="4" '
        f'fill="{HUES[label]}" stroke="white"/>'
        for (x, y), label in zip(share.tolist(), arrays["labels"].tolist(), strict=True)
    ]


def _legend(classes: list[str]) -> list[str]:
    left = LEFT + SIDE + 14
    return [
        f'<circle cx="{left:g}" cy="{TOP + 12 + 18 * i:g}" r="5" fill="{hue}"/>'
        + text(left + 11, TOP + 16 + 18 * i, name[:16], "tick", "start")
        for i, (name, hue) in enumerate(zip(classes, HUES, strict=False))
    ]
