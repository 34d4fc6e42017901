"""What Jupyter shows of a model and of a training history.

Live progress in one cell is `trimaran.cli.progress.Cell`; runs and scores draw themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from trimaran.spec import Model, summary

STYLE = """
.trimaran svg { max-width: 100%; height: auto; font-family: sans-serif; font-size: 12px }
.trimaran .synapse { stroke: #9aa7b5; stroke-width: .6; fill: none }
.trimaran circle { fill: #dbe7f3; stroke: #33506b }
.trimaran text { fill: currentColor; text-anchor: middle }
.trimaran pre { line-height: 1.25 }
"""
"""The picture's colours; the page of a run has its own."""


def model_page(model: Model) -> str:
    """HTML: Figure 1 where the model is a small chain of dense layers, and the table of layers."""
    from trimaran.report.diagram import neurons

    picture = neurons(model) or ""
    table = f"<pre>{escape(summary(model))}</pre>"
    return f'<div class="trimaran"><style>{STYLE}</style>{picture}{table}</div>'


def history_page(history: Mapping[str, Sequence[float]], epochs: Sequence[int]) -> str:
    """HTML: one row per epoch, one column per figure."""
    head = "".join(f"<th>{escape(name)}</th>" for name in ("epoch", *history))
    rows = "".join(
        f"<tr><td>{epoch + 1}</td>"
        + "".join(f"<td>{values[i]:.4f}</td>" for values in history.values())
        + "</tr>"
        for i, epoch in enumerate(epochs)
    )
    return f"<table><tr>{head}</tr>{rows}</table>"
