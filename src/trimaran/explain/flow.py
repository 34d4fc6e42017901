"""Figure 2: the flow of values down through the layers, and of gradients back up, red and dashed.

Each red arrow bears |δ| of the value along whose edge it runs. A softmax or sigmoid that the loss
takes off stands in one box with the loss.
"""

from __future__ import annotations

from dataclasses import dataclass

from trimaran.explain.backprop import Backprop, LayerRow
from trimaran.explain.drawing import BACKWARD, FORWARD, arrow, box, figure, heads, text

WIDTH, BOX, HEIGHT, GAP = 560.0, 250.0, 40.0, 34.0
LEFT = (WIDTH - BOX) / 2
PITCH = HEIGHT + GAP


@dataclass(frozen=True)
class _Station:
    """One box: its words, the values it reads and makes, |δ| of what it makes."""

    words: tuple[str, str]
    reads: tuple[int, ...]
    makes: int | None
    delta: float | None


def draw(result: Backprop) -> str:
    """The figure as an SVG document."""
    stations = _stations(result)
    place = {s.makes: i for i, s in enumerate(stations) if s.makes is not None}
    parts = [heads()]
    for i, station in enumerate(stations):
        parts += _box(i, station)
        for value in station.reads:
            parts += _edge(place[value], i, stations[place[value]].delta)
    height = 50 + len(stations) * PITCH
    legend = [
        text(LEFT, 20, "forward: values", "start", FORWARD),
        text(LEFT + BOX, 20, "backward: δ = ∂L/∂value", "end", BACKWARD),
    ]
    return figure(WIDTH, height, f"Backpropagation through {result.model.name}", legend + parts)


def _stations(result: Backprop) -> list[_Station]:
    model, rows = result.model, {row.path: row for row in result.rows}
    stations = [
        _Station((port.name, _shape(port.shape)), (), i, result.inputs[port.name])
        for i, port in enumerate(model.inputs)
    ]
    taken: dict[int, tuple[str, int]] = {}
    for leaf in model.leaves:
        row = rows[leaf.path]
        if row.delta is None:
            taken[leaf.output] = (leaf.path, leaf.inputs[0])
        else:
            stations.append(_Station(_words(row), leaf.inputs, leaf.output, row.delta))
    heads_off = "".join(f"{path} and " for path, _ in taken.values())
    reads = tuple(taken[v][1] if v in taken else v for _, v in model.outputs)
    loss = (f"{heads_off}loss", f"L = {result.loss:.4g}")
    return [*stations, _Station(loss, reads, None, None)]


def _words(row: LayerRow) -> tuple[str, str]:
    weight = next((p for p in row.parameters if p.key.endswith("weight")), None)
    second = _shape(row.shape)
    if weight is not None:
        second += f" · |∂L/∂W| = {weight.norm:.2e}"
    return f"{row.path} ({row.kind})", second


def _shape(shape: tuple[int | None, ...]) -> str:
    return " × ".join("?" if n is None else str(n) for n in shape)


def _top(i: int) -> float:
    return 34 + i * PITCH


def _box(i: int, station: _Station) -> list[str]:
    middle, top = WIDTH / 2, _top(i)
    fill = "#fdf3e7" if station.makes is None or not station.reads else "#eef3f8"
    return [
        box(LEFT, top, BOX, HEIGHT, fill),
        text(middle, top + 17, station.words[0]),
        text(middle, top + 33, station.words[1], colour="#5d6d7e"),
    ]


def _edge(start: int, end: int, delta: float | None) -> list[str]:
    """The arrow down, and the red one up beside it; long edges bend around the boxes between."""
    down, up = _top(start) + HEIGHT, _top(end)
    label = "" if delta is None else f"|δ| = {delta:.2e}"
    if end == start + 1:
        left, right = WIDTH / 2 - 30, WIDTH / 2 + 30
        return [
            arrow(f"M{left:g} {down:g}V{up:g}", FORWARD),
            arrow(f"M{right:g} {up:g}V{down:g}", BACKWARD, dashed=True),
            text(right + 8, (down + up) / 2 + 4, label, "start", BACKWARD),
        ]
    bend = min(20 + 12 * (end - start), LEFT - 10)
    a, b = down - HEIGHT / 2, up + HEIGHT / 2
    right = LEFT + BOX
    return [
        arrow(f"M{LEFT:g} {a:g}C{LEFT - bend:g} {a:g} {LEFT - bend:g} {b:g} {LEFT:g} {b:g}",
              FORWARD),
        arrow(f"M{right:g} {b:g}C{right + bend:g} {b:g} {right + bend:g} {a:g} {right:g} {a:g}",
              BACKWARD, dashed=True),
    ]  # fmt: skip
