"""A model's diagram as an SVG file that stands alone, without a page's style sheet."""

from __future__ import annotations

from html import escape

from trimaran.report.diagram import Box, chain, neurons
from trimaran.spec import Model

STYLE = """
svg { font: 12px system-ui, sans-serif; background: #fff; color: #1b2733 }
rect { fill: #eef4fa; stroke: #4a7ba6 } .input { fill: #fff; stroke: #4a7ba6 }
.unit { fill: #4a7ba6 } .synapse { stroke: #b8c7d6; stroke-width: .6 } .dots { fill: #6b7a89 }
.edge { stroke: #4a7ba6; marker-end: url(#tip) } .strong { font-weight: 600 }
.label { fill: #56677a }
"""
TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0l8 4l-8 4z" fill="#4a7ba6"/></marker></defs>'
)
WIDTH, HEIGHT, GAP, EDGE = 420, 46, 18, 16


def svg_page(model: Model) -> str:
    """Circles and lines for a plain dense network, else boxes from the input down."""
    circles = neurons(model)
    if circles is None:
        return _boxes(model)
    open_tag, _, rest = str(circles).partition(">")
    space = 'xmlns="http://www.w3.org/2000/svg"'
    return f"{open_tag.replace('<svg', f'<svg {space}', 1)}><style>{STYLE}</style>{rest}\n"


def _boxes(model: Model) -> str:
    boxes = chain(model)
    height = 2 * EDGE + len(boxes) * (HEIGHT + GAP) - GAP
    body = "".join(_box(box, number) for number, box in enumerate(boxes))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 2 * EDGE} {height}" '
        f'role="img" aria-label="{escape(model.name)}"><style>{STYLE}</style>{TIP}{body}</svg>\n'
    )


def _box(box: Box, number: int) -> str:
    top, right = EDGE + number * (HEIGHT + GAP), EDGE + WIDTH - 12
    about = " · ".join(part for part in (box.path, box.detail) if part)
    size = f"{box.parameters:,} parameters" if box.parameters else ""
    middle = EDGE + WIDTH / 2
    edge = f'<path class="edge" d="M{middle} {top - GAP}v{GAP - 1}"/>' if number else ""
    return (
        f'{edge}<rect x="{EDGE}" y="{top}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f'<text class="strong" x="{EDGE + 12}" y="{top + 20}">{escape(box.kind)}</text>'
        f'<text class="label" x="{EDGE + 12}" y="{top + 36}">{escape(about)}</text>'
        f'<text x="{right}" y="{top + 20}" text-anchor="end">{escape(box.shape)}</text>'
        f'<text class="label" x="{right}" y="{top + 36}" text-anchor="end">{size}</text>'
    )
