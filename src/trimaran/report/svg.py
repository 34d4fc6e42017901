"""Small pictures as inline SVG: they take their colours from the page's style sheet.

Every function returns markup with a viewBox and no fixed size, so pictures scale with the page,
print crisply and follow light and dark. Names of the user's are escaped here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from trimaran.report.numbers import short, tick, ticks

LEFT, RIGHT, TOP, BOTTOM = 44, 10, 12, 34


@dataclass(frozen=True)
class Series:
    """A named line; `style` is a class of the style sheet (series-1, series-2, ...)."""

    name: str
    style: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Frame:
    """Where values lie on the picture."""

    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]
    log: bool = False

    def across(self, value: float) -> float:
        low, high = self.x
        return LEFT + (value - low) / (high - low) * (self.width - LEFT - RIGHT)

    def down(self, value: float) -> float:
        low, high = (math.log10(v) for v in self.y) if self.log else self.y
        place = math.log10(value) if self.log else value
        return self.height - BOTTOM - (place - low) / (high - low) * (self.height - TOP - BOTTOM)


def picture(width: float, height: float, body: str, label: str, style: str = "") -> Markup:
    """An <svg> of that size in its own units, with a name for those who cannot see it."""
    return Markup(
        f'<svg class="plot {style}" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(label)}">{body}</svg>'
    )


def text(x: float, y: float, content: object, style: str = "", anchor: str = "middle") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">'
        f"{escape(content)}</text>"
    )


def _grid(frame: Frame, x_label: str, x_whole: bool) -> str:
    parts = []
    for value in _y_ticks(frame):
        y = frame.down(value)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{frame.width - RIGHT}"/>')
        parts.append(text(LEFT - 6, y + 3.5, tick(value), "tick", "end"))
    for value in ticks(*frame.x, 4):
        if x_whole and value != int(value):
            continue
        x = frame.across(value)
        parts.append(text(x, frame.height - BOTTOM + 15, tick(value), "tick"))
    right = frame.width - RIGHT
    base = frame.height - BOTTOM
    parts.append(f'<path class="axis" d="M{LEFT} {base}H{right}"/>')
    parts.append(text((LEFT + right) / 2, frame.height - 3, x_label, "label"))
    return "".join(parts)


def _y_ticks(frame: Frame) -> list[float]:
    if not frame.log:
        return ticks(*frame.y)
    low, high = (math.log10(value) for value in frame.y)
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    return [10.0**power for power in range(first, last + 1, -(-(last - first + 1) // _DECADES))]


# Labels of a logarithmic scale that still stand apart; half the width of "best".
_DECADES, _HALF = 8, 12
# A span below this share of the values is rounding, and its ticks would have no names apart.
_FLAT = 1e-6


def line_chart(
    series: Sequence[Series],
    label: str,
    x_label: str = "epoch",
    mark: float | None = None,
    bound: float | None = None,
    log: bool = False,
) -> Markup:
    """Lines over epochs; `mark` draws where the best weights were, and `bound` a tolerance, on a
    logarithmic scale, which its values (above 0) must be. Such a scale is taken anyway where
    positive values differ much, and where `log` asks for it."""
    frame = _frame(series, log) if bound is None else _decades(series, bound)
    body = [_grid(frame, x_label, x_whole=True)]
    if bound is not None:
        y = frame.down(bound)
        body.append(f'<path class="mark" d="M{LEFT} {y:.1f}H{frame.width - RIGHT}"/>')
        body.append(text(frame.width - RIGHT, y - 4, "tolerance", "label", "end"))
    if mark is not None:
        x = frame.across(mark)
        body.append(f'<path class="mark" d="M{x:.1f} {TOP}V{frame.height - BOTTOM}"/>')
        left, right = x < LEFT + _HALF, x > frame.width - RIGHT - _HALF
        side = "start" if left else "end" if right else "middle"
        body.append(text(x, TOP - 3, "best", "label", side))  # above the lines, which it would hide
    body += [_line(one, frame) for one in series]
    return picture(frame.width, frame.height, "".join(body), label)


def _frame(series: Sequence[Series], log: bool = False) -> Frame:
    xs = [x for one in series for x in one.x]
    ys = [y for one in series for y in one.y]
    log = log or (min(ys) > 1e-30 and max(ys) / min(ys) > 200)
    low, high = min(ys), max(ys)
    most = max(abs(low), abs(high))
    pad = (high - low) * 0.06 if high - low > _FLAT * most else most * 0.1 or 1.0
    below = math.floor(math.log10(low)) if log else 0
    y = (10**below, 10 ** max(math.ceil(math.log10(high)), below + 1)) if log else (
        max(low - pad, 0.0) if low >= 0 else low - pad,
        min(high + pad, 1.0) if 0.5 < high <= 1 else high + pad,
    )  # fmt: skip
    first, last = min(xs), max(xs)
    alone = 0.0 if last > first else 0.5  # one point stands in the middle
    return Frame(290, 196, (first - alone, last + alone), y, log)


def _decades(series: Sequence[Series], bound: float) -> Frame:
    """From the power of ten below the least value to the one above all values and the bound."""
    plain = _frame(series)
    ys = [bound, *(y for one in series for y in one.y)]
    low, high = math.floor(math.log10(min(ys))), math.floor(math.log10(max(ys))) + 1
    return Frame(plain.width, plain.height, plain.x, (10.0**low, 10.0**high), True)


def _line(one: Series, frame: Frame) -> str:
    places = [(frame.across(x), frame.down(y)) for x, y in zip(one.x, one.y, strict=True)]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dots = "".join(
        f'<circle class="{one.style} dot" cx="{x:.1f}" cy="{y:.1f}" r="2.6">'
        f"<title>{escape(one.name)}: {short(value)} at {short(when)}</title></circle>"
        for (x, y), value, when in zip(places, one.y, one.x, strict=True)
        if len(places) <= 60
    )
    return f'<path class="{one.style} line" d="{path}"/>{dots}'


def interval(value: float, low: float, high: float, span: tuple[float, float]) -> Markup:
    """A dot with its whiskers on the scale `span`."""
    first, last = span
    a, b, dot = (4 + 92 * (v - first) / ((last - first) or 1) for v in (low, high, value))
    body = (
        '<path class="grid" d="M2 7H98"/>'
        f'<path class="whisker" d="M{a:.1f} 7H{max(b, a + 0.5):.1f}"/>'
        f'<circle class="series-1 dot" cx="{dot:.1f}" cy="7" r="3"/>'
    )
    return picture(100, 14, body, f"{short(value)}, from {short(low)} to {short(high)}", "inline")


def spark(values: Sequence[float], label: str) -> Markup:
    """A line without axes, for a cell of a table; values <= 0 and unknown ones are left out."""
    known = [math.log10(v) for v in values if v > 0 and math.isfinite(v)]
    if len(known) < 2:
        return Markup("")
    low, high = min(known), max(max(known), min(known) + 0.5)
    step = 92 / (len(known) - 1)
    path = "L".join(
        f"{4 + i * step:.1f} {20 - 16 * (v - low) / (high - low):.1f}" for i, v in enumerate(known)
    )
    return picture(100, 24, f'<path class="series-1 line" d="M{path}"/>', label, "inline")
