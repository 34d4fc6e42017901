"""A few SVG elements as text, and a PNG of an array; enough for the figures of this room."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

FORWARD, BACKWARD, FAINT = "#2c3e50", "#c0392b", "#b8c2cc"
PALETTE = ("#c0392b", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#17a2b8", "#7f7f7f")


def figure(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """A whole SVG document."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
            f'width="{width:g}" height="{height:g}" font-family="sans-serif" font-size="12" '
            f'role="img" aria-label="{escape(title)}">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{width:g}" height="{height:g}" fill="white"/>',
            *parts,
            "</svg>\n",
        ]
    )


def text(x: float, y: float, words: str, anchor: str = "middle", colour: str = FORWARD) -> str:
    """One line of text; anchor is start, middle or end."""
    place = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {place}>{escape(words)}</text>"


def box(x: float, y: float, width: float, height: float, fill: str = "#eef3f8") -> str:
    """A rounded rectangle."""
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5"'
    return f'<rect {place} fill="{fill}" stroke="{FORWARD}"/>'


def arrow(points: str, colour: str, dashed: bool = False) -> str:
    """A path with a head; `points` is SVG path data."""
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    head = "back" if colour == BACKWARD else "ahead"
    return (
        f'<path d="{points}" fill="none" stroke="{colour}" stroke-width="1.5"{dash} '
        f'marker-end="url(#{head})"/>'
    )


def heads() -> str:
    """The arrow heads that `arrow` refers to."""
    shape = '<path d="M0 0L7 3.5L0 7z" fill="{}"/>'
    marker = (
        '<marker id="{}" markerWidth="7" markerHeight="7" refX="6" refY="3.5" orient="auto">{}'
        "</marker>"
    )
    pairs = (("ahead", FORWARD), ("back", BACKWARD))
    made = "".join(marker.format(name, shape.format(colour)) for name, colour in pairs)
    return f"<defs>{made}</defs>"


def line(points: Iterable[tuple[float, float]], colour: str) -> str:
    """A polyline."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>'


def png(pixels: Array) -> bytes:
    """A PNG of a uint8 array, (height, width) grey or (height, width, 3) colour (RFC 2083)."""
    height, width = pixels.shape[:2]
    kind = 0 if pixels.ndim == 2 else 2
    lines = pixels.reshape(height, -1)
    raw = np.hstack([np.zeros((height, 1), np.uint8), lines]).astype(np.uint8).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def image(x: float, y: float, width: float, height: float, pixels: Array) -> str:
    """A uint8 array as a picture that fills its place, its pixels kept square-edged."""
    data = base64.b64encode(png(pixels)).decode()
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    how = 'preserveAspectRatio="none" style="image-rendering:pixelated"'
    return f'<image {place} {how} href="data:image/png;base64,{data}"/>'


def grid(rows: list[tuple[str, ...]]) -> str:
    """Rows of words as an aligned text table, the first row its head; numbers to the right."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [_numeric(column[1:]) for column in columns]
    lines = [
        "  ".join(
            word.rjust(size) if number else word.ljust(size)
            for word, size, number in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "─" * max(map(len, lines)), *lines[1:]])


def _numeric(cells: tuple[str, ...]) -> bool:
    """Whether most of the cells that are not empty start as a number."""
    full = [cell for cell in cells if cell]
    return 2 * sum(cell[0] in "-0123456789" for cell in full) > len(full)
