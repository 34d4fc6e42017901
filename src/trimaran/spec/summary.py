"""A model as a table of text."""

from __future__ import annotations

from trimaran.spec.graph import Leaf
from trimaran.spec.layers.core import Activation
from trimaran.spec.model import Model


def summary(model: Model) -> str:
    """Layers with output shapes, parameters and operations, and the totals."""
    head = ("layer", "kind", "output", "parameters", "FLOPs")
    inputs = [(port.name, "Input", _shape((None, *port.shape)), "", "") for port in model.inputs]
    seen: set[str] = set()
    rows = [head, *inputs, *(_row(leaf, seen) for leaf in model.leaves)]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = [_line(row, widths) for row in rows]
    rule = "─" * max(len(line) for line in lines)
    buffers = sum(p.size for p in model.parameters.values() if not p.trainable)
    totals = [
        f"{model.size:,} trainable parameters"
        + (f", {buffers:,} statistics and counters" if buffers else ""),
        f"{model.flops:,} FLOPs and {model.activation_bytes:,} bytes of activations per row",
    ]
    return "\n".join([model.name, rule, lines[0], rule, *lines[1:], rule, *totals])


def _row(leaf: Leaf, seen: set[str]) -> tuple[str, str, str, str, str]:
    size = sum(p.size for p in leaf.layer.parameters(*leaf.in_shapes) if p.trainable)
    count = "shared" if leaf.path in seen and size else f"{size:,}" if size else ""
    seen.add(leaf.path)
    kind = type(leaf.layer).__name__
    if isinstance(leaf.layer, Activation):
        kind = leaf.layer.activation
    flops = leaf.layer.flops(*leaf.in_shapes)
    return leaf.path, kind, _shape((None, *leaf.out_shape)), count, f"{flops:,}" if flops else ""


def _shape(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("·" if size is None else str(size) for size in shape) + ")"


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    left = "  ".join(text.ljust(width) for text, width in zip(row[:3], widths[:3], strict=True))
    right = "  ".join(text.rjust(width) for text, width in zip(row[3:], widths[3:], strict=True))
    return f"{left}  {right}".rstrip()
