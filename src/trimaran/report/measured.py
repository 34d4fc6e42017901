"""Measured values as the pages of comparisons write them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from trimaran.report.numbers import is_share
from trimaran.report.svg import Series, line_chart

VERDICTS = {"held": "series-3", "changed since": "series-2", "not shown": "quiet"}
"""The colour of each verdict on a claim."""
UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))


def time(seconds: float) -> str:
    """Three digits in the unit that fits."""
    name, size = next((u for u in UNITS if seconds >= u[1]), UNITS[-1])
    return f"{seconds / size:.3g} {name}"


def span(value: Mapping[str, float] | None) -> Markup:
    """A median time with its range below it."""
    if value is None:
        return Markup("–")
    return _two(time(value["median"]), f"{time(value['low'])} to {time(value['high'])}")


def megabytes(value: Mapping[str, float] | None) -> Markup:
    """A median number of bytes with its range below it."""
    if value is None:
        return Markup("not told here")
    low, middle, high = (f"{value[k] / 1e6:,.0f}" for k in ("low", "median", "high"))
    return _two(f"{middle} MB", f"{low} to {high}")


def interval(value: Mapping[str, float], metric: str) -> Markup:
    """A metric's mean with its interval below it, cut where the metric ends."""
    low, high = ends(metric, value)
    return _two(f"{value['mean']:.4f}", f"{low:.4f} to {high:.4f}")


def ends(metric: str, value: Mapping[str, float]) -> tuple[float, float]:
    """An interval, cut where the metric ends: no share is above 1, no loss below 0."""
    most = 1.0 if is_share(metric) else math.inf
    return max(0.0, value["low"]), min(most, value["high"])


def difference(value: Mapping[str, float]) -> Markup:
    """A mean difference with its interval below it."""
    low, middle, high = (f"{value[k]:.2g}" for k in ("low", "mean", "high"))
    return _two(middle, f"{low} to {high}")


def _two(first: str, second: str) -> Markup:
    return Markup("{}<br><small>{}</small>").format(first, second)


def deviation(value: float) -> str:
    """A relative deviation."""
    return "0" if value == 0 else f"{value:.1e}"


def race(rows: Sequence[Mapping[str, Any]], title: str) -> Markup:
    """Seconds until so many training steps are done, compiling included, of each kind of graph."""
    ran = [one for one in rows if one.get("step")]
    paid = [one["step"]["pays"]["median"] for one in ran if one["step"].get("pays")]
    steps = float(min(max([100, *(2 * n for n in paid if n)]), 20_000))
    series = [_racer(one, f"series-{i}", steps) for i, one in enumerate(ran, 1)]
    return line_chart(series, title, "training steps") if series else Markup("")


def _racer(one: Mapping[str, Any], style: str, steps: float) -> Series:
    begun, step = one["step"]["compile"]["median"], one["step"]["steady"]["median"]
    return Series(one["graph"], style, (0.0, steps), (begun, begun + steps * step))


def legend(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Names and styles of what `race` draws."""
    ran = [one for one in rows if one.get("step")]
    return [(str(one["graph"]), f"series-{i}") for i, one in enumerate(ran, 1)]


def code(text: str) -> Markup:
    """Source with its line numbers."""
    lines = text.rstrip("\n").split("\n")
    width = len(str(len(lines)))
    body = "\n".join(
        f'<span class="quiet">{i:>{width}}</span>  {escape(line)}'
        for i, line in enumerate(lines, 1)
    )
    return Markup(f"<pre>{body}</pre>")
