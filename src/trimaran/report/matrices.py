"""Pictures of answers against truth: confusion matrix, reliability diagram, scatter."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from trimaran.report.numbers import short, tick, ticks
from trimaran.report.svg import picture, text

LARGEST = 26  # more classes than this are told as a list of pairs


def heat_map(confusion: Sequence[Sequence[float]], classes: Sequence[str]) -> Markup | None:
    """True class down, predicted across; None where there are too many classes to read.

    Right answers are shaded by their share of the row; mistakes, in another colour, by their
    share of the most frequent mistake, since on the scale of the right ones none would be seen.
    """
    count = len(classes)
    if count > LARGEST:
        return None
    longest = max(len(name) for name in classes)
    size = 38 if count <= 12 else 24
    left, top = 34 + min(longest, 14) * 6.2, 34.0
    worst = max(
        (row[j] for i, row in enumerate(confusion) for j in range(count) if i != j), default=0
    )
    cells = [
        _cell(confusion, (i, j), (left, top, size), worst, classes)
        for i in range(count)
        for j in range(count)
    ]
    names = [
        text(left - 8, top + (i + 0.5) * size + 4, _cut(name, 14), "tick", "end")
        for i, name in enumerate(classes)
    ]
    bottom, slant = _column_names(classes, (left, top, size))
    width, height = left + count * size + 8, top + count * size + bottom
    titles = [
        text(left + count * size / 2, 20, "predicted", "label"),
        f'<text class="label" text-anchor="middle" '
        f'transform="translate(14 {top + count * size / 2:.0f}) rotate(-90)">true</text>',
    ]
    body = "".join(cells + names + slant + titles)
    style = "matrix small" if count <= 4 else "matrix"  # else two classes would fill the column
    return picture(width, height, body, "Confusion matrix", style)


def _column_names(
    classes: Sequence[str], place: tuple[float, float, float]
) -> tuple[float, list[str]]:
    left, top, size = place
    base = top + len(classes) * size
    longest = max(len(name) for name in classes)
    if longest * 6.4 <= size:
        return 22.0, [
            text(left + (j + 0.5) * size, base + 15, name, "tick") for j, name in enumerate(classes)
        ]
    slant = [
        f'<text class="tick" text-anchor="end" transform="translate('
        f'{left + (j + 0.5) * size + 4:.1f} {base + 12:.1f}) rotate(-45)">'
        f"{escape(_cut(name, 14))}</text>"
        for j, name in enumerate(classes)
    ]
    return 16 + min(longest, 14) * 4.6, slant


def _cut(name: str, length: int) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


def _cell(
    confusion: Sequence[Sequence[float]],
    at: tuple[int, int],
    place: tuple[float, float, float],
    worst: float,
    classes: Sequence[str],
) -> str:
    (i, j), (left, top, size) = at, place
    value, total = confusion[i][j], sum(confusion[i])
    share = value / total if total else 0.0
    shade = share if i == j else 0.7 * math.sqrt(value / worst) if worst else 0.0
    x, y = left + j * size, top + i * size
    style = "right" if i == j else "wrong"
    label = "" if not value else short(round(value, 1))
    ink = "cell strong" if i == j and shade > 0.55 else "cell"
    return (
        f'<rect class="{style}" x="{x + 1:.1f}" y="{y + 1:.1f}" width="{size - 2}" '
        f'height="{size - 2}" rx="3" fill-opacity="{0.03 + 0.97 * shade:.3f}"><title>'
        f"{escape(classes[i])} taken for {escape(classes[j])}: {short(value)} rows "
        f"({100 * share:.1f} % of {escape(classes[i])})</title></rect>"
        + (text(x + size / 2, y + size / 2 + 3.5, label, ink) if size > 30 and label else "")
    )


def confused(
    confusion: Sequence[Sequence[float]], classes: Sequence[str], count: int = 6
) -> list[dict[str, Any]]:
    """The most frequent mistakes: true class, answer, rows and share of the true class."""
    pairs = [
        (value, i, j)
        for i, row in enumerate(confusion)
        for j, value in enumerate(row)
        if i != j and value > 0
    ]
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    return [
        {
            "true": classes[i],
            "predicted": classes[j],
            "rows": value,
            "share": value / sum(confusion[i]),
        }
        for value, i, j in pairs[:count]
    ]


def reliability(bins: Sequence[Mapping[str, Any]]) -> Markup:
    """Accuracy per bin of confidence, the gap to the diagonal, and the rows per bin below."""
    left, top, side, low = 46, 10, 250, 52
    total = sum(row["n"] for row in bins) or 1
    parts = [f'<path class="grid" d="M{left} {top + side}L{left + side} {top}"/>']
    for value in (0, 0.25, 0.5, 0.75, 1):
        y = top + side * (1 - value)
        parts.append(f'<path class="grid" d="M{left} {y}H{left + side}"/>')
        parts.append(text(left - 6, y + 3.5, f"{100 * value:.0f}", "tick", "end"))
        parts.append(text(left + side * value, top + side + low + 16, f"{100 * value:.0f}", "tick"))
    for row in bins:
        if row["n"]:
            parts.append(_bin(row, (left, top, side, low), row["n"] / total))
    base = top + side + low + 2
    parts.append(f'<path class="axis" d="M{left} {base}H{left + side}"/>')
    middle = left + side / 2
    parts.append(text(middle, base + 32, "confidence of the answer, %", "label"))
    parts.append(
        f'<text class="label" text-anchor="middle" transform="translate(13 {top + side / 2}) '
        'rotate(-90)">right answers, %</text>'
    )
    parts.append(text(left - 6, base - 16, "rows", "tick", "end"))
    return picture(left + side + 14, base + 40, "".join(parts), "Reliability diagram", "square")


def _bin(row: Mapping[str, Any], place: tuple[int, int, int, int], share: float) -> str:
    left, top, side, low = place
    x, wide = left + side * row["low"] + 1, side * (row["high"] - row["low"]) - 2
    right, sure = side * row["accuracy"], side * row["confidence"]
    upper, gap = top + side - max(right, sure), abs(right - sure)
    tall = max(low * 0.8 * math.sqrt(share), 1)
    tip = (
        f"confidence {100 * row['confidence']:.1f} %, right {100 * row['accuracy']:.1f} %, "
        f"{short(row['n'])} rows"
    )
    return (
        f"<g><title>{tip}</title>"
        f'<rect class="right" x="{x:.1f}" y="{top + side - right:.1f}" width="{wide:.1f}" '
        f'height="{right:.1f}" rx="2"/>'
        f'<rect class="gap" x="{x:.1f}" y="{upper:.1f}" width="{wide:.1f}" height="{gap:.1f}"/>'
        f'<rect class="count" x="{x:.1f}" y="{top + side + low + 2 - tall:.1f}" '
        f'width="{wide:.1f}" height="{tall:.1f}" rx="1"/></g>'
    )


def scatter(pairs: Sequence[Sequence[float]]) -> Markup:
    """Predicted against true values of (output, true, predicted) triples, with the diagonal."""
    values = [v for _, true, guess in pairs for v in (true, guess)]
    low, high = min(values), max(values)
    pad = (high - low) * 0.05 or 1.0
    low, high = low - pad, high + pad
    left, top, side = 52, 10, 300

    def at(value: float) -> float:
        return (value - low) / (high - low) * side

    parts = [f'<path class="mark" d="M{left} {top + side}L{left + side} {top}"/>']
    for value in ticks(low, high):
        parts.append(f'<path class="grid" d="M{left} {top + side - at(value):.1f}h{side}"/>')
        parts.append(text(left - 6, top + side - at(value) + 3.5, tick(value), "tick", "end"))
        parts.append(text(left + at(value), top + side + 16, tick(value), "tick"))
    parts += [
        f'<circle class="series-{int(output) % 4 + 1} cloud" cx="{left + at(true):.1f}" '
        f'cy="{top + side - at(guess):.1f}" r="2.6"><title>true {short(true)}, predicted '
        f"{short(guess)}</title></circle>"
        for output, true, guess in pairs
    ]
    parts.append(text(left + side / 2, top + side + 34, "true", "label"))
    parts.append(
        f'<text class="label" text-anchor="middle" transform="translate(12 {top + side / 2}) '
        'rotate(-90)">predicted</text>'
    )
    width, height = left + side + 12, top + side + 42
    return picture(width, height, "".join(parts), "Predicted against true values", "square")
