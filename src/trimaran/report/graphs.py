"""The page of `trimaran compare graphs`: the kinds of graph of each backend, and their race."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimaran.report import measured
from trimaran.report.page import environment


def render(found: Mapping[str, Any]) -> str:
    """The page of what `trimaran compare graphs --json` says, as text."""
    groups = [
        {
            "label": label,
            "rows": (rows := [one for one in found["rows"] if one["backend"] == name]),
            "race": measured.race(rows, f"Seconds for so many training steps, {label}"),
            "legend": measured.legend(rows),
        }
        for name, label in found["labels"].items()
    ]
    template = environment().get_template("graphs.html")
    return template.render(found=found, groups=groups, show=measured)
