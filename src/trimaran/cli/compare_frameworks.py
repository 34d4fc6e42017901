"""`trimaran compare frameworks`: one network in PyTorch, and in Keras on TensorFlow and JAX."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trimaran.cli.compare_graphs import telling
from trimaran.cli.parsing import Parser, verb

QUICK = {"seeds": 2, "epochs": 2, "limit": 2000, "repeats": 1, "seconds": 0.2}
"""For a look, and for tests: no figure of it is worth quoting."""


def parser() -> Parser:
    """The command line of the subject."""
    made = verb(
        "compare frameworks",
        "Train one network in PyTorch and in Keras on TensorFlow and on JAX from the same weights "
        "and batches, and measure everything that the chapter's table of frameworks speaks of.",
        "trimaran compare frameworks --model mnist-mlp-128 --data mnist",
    )
    made.add_argument("--model", default="mnist-mlp-128", help="a model of the zoo")
    made.add_argument("--data", default="mnist", help="a named set, or a path of your own")
    made.add_argument("--seeds", type=int, help="runs per backend (default: 3)")
    made.add_argument("--epochs", type=int, help="of each run (default: 5)")
    made.add_argument("--limit", type=int, metavar="ROWS", help="of the data (default: all)")
    made.add_argument("--batch-size", type=int, default=128)
    made.add_argument("--repeats", type=int, help="processes for each graph (default: 3)")
    made.add_argument("--seconds", type=float, help="of steady calls in each (default: 1)")
    made.add_argument("--threads", type=int, default=0, help="default: the cores of this process")
    made.add_argument("--quick", action="store_true", help="a look in a minute or two: few rows")
    made.add_argument("-o", "--output", metavar="FOLDER", help="default: frameworks-MODEL")
    return made


def run(args: argparse.Namespace) -> int:
    """Measure into a folder, write the page there, print what matters."""
    from trimaran.files import write_text
    from trimaran.report.frameworks import render
    from trimaran.steps import frameworks

    given = {name: getattr(args, name) for name in QUICK if getattr(args, name) is not None}
    settings = {**(QUICK if args.quick else {}), **given}
    choice = frameworks.Choice(
        model=args.model,
        data=args.data,
        batch_size=args.batch_size,
        threads=args.threads,
        **settings,
    )
    folder = Path(args.output or f"frameworks-{choice.model}")
    result = frameworks.compare(choice, folder, telling(args.json))
    page = folder / "index.html"
    write_text(page, render(result))
    if args.json:
        print(json.dumps({**result, "page": str(page)}, ensure_ascii=False))
    else:
        print("\n".join([*table(result), "", *claims(result), "", result["verdict"]]))
        print(f"page: {page}")
    return 0


def table(found: Mapping[str, Any]) -> list[str]:
    """The figures, a column for each backend."""
    columns = [("", *LINES), *(_column(found, one) for one in found["backends"].values())]
    widths = [max(map(len, column)) for column in columns]
    rows = zip(*columns, strict=True)
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


LINES = (
    "score",
    "s/epoch, warm",
    "s to the first update",
    "s to import",
    "peak memory, MB",
    "install, MB",
    "lines, model + loop",
    "eager, ms/step",
    "compiled, ms/step",
    "mistake shown while",
    "formats written",
)


def _column(found: Mapping[str, Any], one: Mapping[str, Any]) -> tuple[str, ...]:
    name = next(key for key, value in found["backends"].items() if value is one)
    score = found["scores"][found["score"]][name]
    error = f"{one['error']['while']}, line {'named' if one['error']['named'] else 'not named'}"
    wrote = [each["name"] for each in one["formats"] if each["written"]]
    return (
        one["label"],
        f"{score['mean']:.4f} ({score['low']:.4f}–{score['high']:.4f})",
        _range(one["epoch_seconds"]),
        _range(one["start_seconds"]),
        _range(one["import_seconds"]),
        _range(one["memory_framework"], 1e-6),
        f"{one['install']['own_bytes'] / 1e6:,.0f}",
        f"{one['model']['lines']} + {one['loop']['lines']}",
        *(_step(graph) for graph in one["graphs"]),
        error,
        ", ".join(wrote),
    )


def _range(value: Mapping[str, float] | None, unit: float = 1.0) -> str:
    """The median with its range, in three digits."""
    if value is None:
        return "unknown here"
    low, middle, high = (f"{unit * value[k]:.3g}" for k in ("low", "median", "high"))
    return f"{middle} ({low}–{high})"


def _step(graph: Mapping[str, Any]) -> str:
    return "not run" if graph["failed"] else _range(graph["step"]["steady"], 1e3)


def claims(found: Mapping[str, Any]) -> list[str]:
    """The chapter's claims with their verdicts."""
    return [
        f"{one['verdict']:<14}{one['of']:<11}{one['aspect']}: {one['words']}"
        for one in found["claims"]
    ]
