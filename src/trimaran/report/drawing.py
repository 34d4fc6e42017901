"""A model's diagram as an SVG file that stands alone, without a page's style sheet."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from trimaran.report.boxes import Box
from trimaran.report.diagram import chain, neurons
from trimaran.report.wiring import Arc, Wiring, wiring
from trimaran.spec import Model

STYLE = """
svg { font: 12px system-ui, sans-serif; background: #fff; color: #1b2733 }
rect { fill: #eef4fa; stroke: #4a7ba6 } .input { fill: #fff; stroke: #4a7ba6 }
.unit { fill: #4a7ba6 } .synapse { stroke: #b8c7d6; stroke-width: .6 } .dots { fill: #6b7a89 }
.edge { stroke: #4a7ba6; marker-end: url(#tip) } .strong { font-weight: 600 }
.label, .path { fill: #56677a } .path { font-weight: 400 }
.skip { stroke: #b8622b; stroke-width: 1.4; fill: none; marker-end: url(#back) }
.taken { fill: #b8622b } .beside { fill: #fbf1ea; stroke: #b8622b }
.join { fill: #fff; stroke: #4a7ba6; stroke-width: 1.4 } .sign { stroke: #1b2733 }
"""
WIDTH, HEIGHT, GAP, EDGE = 420, 46, 18, 16
RADIUS = 11  # of the circle where tensors are joined
LETTER, BROAD = 6.5, 7.8  # the width of one in the widest of the usual fonts: of words, of names
TAKEN = 16  # more room below a stop from which an arc takes a tensor
LANE, SIDE, TURN = 18, 172, 8  # between arcs; the width of a box on one; the radius of its turns
RIGHT, MIDDLE = EDGE + WIDTH, EDGE + WIDTH / 2
SIGNS = {"Add": "M-5 0h10M0 -5v10", "Subtract": "M-5 0h10", "Multiply": "M-4 -4l8 8M-4 4l8 -8"}


def svg_page(model: Model) -> str:
    """Circles and lines for a plain dense network, else boxes from the input down."""
    circles = neurons(model)
    if circles is None:
        return _column(wiring(model) or Wiring(chain(model), ()), model.name)
    open_tag, _, rest = str(circles).partition(">")
    space = 'xmlns="http://www.w3.org/2000/svg"'
    return f"{open_tag.replace('<svg', f'<svg {space}', 1)}><style>{STYLE}</style>{rest}\n"


def wired_uri(model: Model) -> str | None:
    """The picture of a model with skip connections as a data URI; None where there are none."""
    wires = wiring(model)
    if wires is None:
        return None
    content = base64.b64encode(_column(wires, model.name).encode()).decode("ascii")
    return f"data:image/svg+xml;base64,{content}"


@dataclass(frozen=True)
class Place:
    """Where a stop of the column lies."""

    top: float
    height: float

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def centre(self) -> float:
        return self.top + self.height / 2


@dataclass(frozen=True)
class Lane:
    """Where an arc runs: from `top` to `bottom`, `left` to `right` being the room for its box."""

    arc: Arc
    top: float
    bottom: float
    left: float
    right: float


def _column(wires: Wiring, name: str) -> str:
    places = _places(wires)
    lanes = _lanes(wires.arcs, places)
    width = max([RIGHT, *(lane.right for lane in lanes)]) + EDGE
    edges = "".join(
        f'<path class="edge" d="M{MIDDLE:g} {above.bottom:g}V{below.top - 1:g}"/>'
        for above, below in zip(places[:-1], places[1:], strict=True)
    )
    stops = "".join(map(_stop, wires.stops, places))
    arcs = "".join(_arc(lane, wires.stops[lane.arc.target]) for lane in lanes)
    tips = _tip("tip", "#4a7ba6") + (_tip("back", "#b8622b") if lanes else "")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 0 {width:g} {places[-1].bottom + EDGE:g}" '
        f'role="img" aria-label="{escape(name)}"><style>{STYLE}</style>'
        f"<defs>{tips}</defs>{edges}{stops}{arcs}</svg>\n"
    )


def _tip(name: str, colour: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerUnits="userSpaceOnUse" '
        f'markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0l8 4l-8 4z" '
        f'fill="{colour}"/></marker>'
    )


def _places(wires: Wiring) -> list[Place]:
    taken = {arc.source for arc in wires.arcs}
    places, top = [], float(EDGE)
    for number, box in enumerate(wires.stops):
        places.append(Place(top, 2 * RADIUS if box.kind in SIGNS else HEIGHT))
        top = places[-1].bottom + GAP + (TAKEN if number in taken else 0)
    return places


def _lanes(arcs: Sequence[Arc], places: Sequence[Place]) -> list[Lane]:
    """Short arcs run beside the column, and longer ones around those that they would cross."""
    lanes: list[Lane] = []
    for arc in sorted(arcs, key=lambda arc: (arc.target - arc.source, arc.box is not None)):
        top, bottom = places[arc.source].bottom + TAKEN / 2, places[arc.target].centre
        inside = [lane.right for lane in lanes if lane.top < bottom and top < lane.bottom]
        left = max([RIGHT, *inside]) + LANE
        lanes.append(Lane(arc, top, bottom, left, left + (SIDE if arc.box else 0)))
    return lanes


def _arc(lane: Lane, target: Box) -> str:
    middle = (lane.left + lane.right) / 2
    end = MIDDLE + RADIUS + 1 if target.kind in SIGNS else RIGHT + 1
    way = (
        f"M{MIDDLE:g} {lane.top:g}H{middle - TURN:g}q{TURN} 0 {TURN} {TURN}"
        f"V{lane.bottom - TURN:g}q0 {TURN} -{TURN} {TURN}H{end:g}"
    )
    dot = f'<circle class="taken" cx="{MIDDLE:g}" cy="{lane.top:g}" r="2.6"/>'
    return f'<path class="skip" d="{way}"/>{dot}{_beside(lane, middle) if lane.arc.box else ""}'


def _beside(lane: Lane, middle: float) -> str:
    """The box on an arc, in up to three lines."""
    box = lane.arc.box
    assert box is not None
    size = f"{box.parameters:,} parameters" if box.parameters else ""
    lines = [line for line in (box.kind, box.detail, size) if line]
    height = 15 * len(lines) + 8
    top = (lane.top + lane.bottom - height) / 2
    words = "".join(
        f'<text class="{"label" if number else "strong"}" x="{middle:g}" '
        f'y="{top + 16 + 15 * number:g}" text-anchor="middle">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f'<g><title>{escape(box.path)}: {escape(box.shape)}</title><rect class="beside" '
        f'x="{lane.left:g}" y="{top:g}" width="{SIDE}" height="{height}" rx="6"/>{words}</g>'
    )


def _stop(box: Box, place: Place) -> str:
    if box.kind in SIGNS:
        return _join(box, place)
    top, right = place.top, RIGHT - 12
    size = f"{box.parameters:,} parameters" if box.parameters else ""
    path = _cut(box.path, len(box.kind) + len(box.shape) + 4, BROAD)
    line = top + (20 if box.detail or size else HEIGHT / 2 + 4)
    return (
        f'<rect x="{EDGE}" y="{top:g}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f'<text class="strong" x="{EDGE + 12}" y="{line:g}">{escape(box.kind)}'
        f'<tspan class="path" dx="7">{escape(path)}</tspan></text>'
        f'<text class="label" x="{EDGE + 12}" y="{top + 36:g}">'
        f"{escape(_cut(box.detail, len(size) + 2))}</text>"
        f'<text x="{right}" y="{line:g}" text-anchor="end">{escape(box.shape)}</text>'
        f'<text class="label" x="{right}" y="{top + 36:g}" text-anchor="end">{size}</text>'
    )


def _cut(words: str, others: int, letter: float = LETTER) -> str:
    """Words that leave room for so many letters beside them in a stop."""
    room = max(int((WIDTH - 24) / letter) - others, 4)
    return words if len(words) <= room else f"{words[: room - 1]}…"


def _join(box: Box, place: Place) -> str:
    """A circle with the sign of what is done, and what follows it on its left."""
    about = " · ".join(part for part in (box.kind, box.detail) if part)
    return (
        f"<g><title>{escape(box.path)}: {escape(box.shape)}</title>"
        f'<circle class="join" cx="{MIDDLE:g}" cy="{place.centre:g}" r="{RADIUS}"/>'
        f'<path class="sign" transform="translate({MIDDLE:g} {place.centre:g})" '
        f'd="{SIGNS[box.kind]}"/>'
        f'<text class="label" x="{MIDDLE - RADIUS - 8:g}" y="{place.centre + 4:g}" '
        f'text-anchor="end">{escape(about)}</text></g>'
    )
