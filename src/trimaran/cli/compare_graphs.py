"""`trimaran compare graphs`: eager, compiled and exported runs of one network."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trimaran.cli.parsing import Parser, verb


def parser() -> Parser:
    """The command line of the subject."""
    made = verb(
        "compare graphs",
        "Run a network as eager, compiled and exported graph: the same answers, and after how many "
        "calls has compiling paid back?",
        "trimaran compare graphs mnist-cnn --backends torch,jax",
    )
    made.add_argument("name", help="a model of the zoo, a run, or a model.json")
    made.add_argument("--backends", default="torch,tensorflow,jax", help="the first is the truth")
    made.add_argument("--batch-size", type=int, default=128)
    made.add_argument("--repeats", type=int, default=3, help="fresh processes for each kind")
    made.add_argument("--seconds", type=float, default=1.0, help="of steady calls in each")
    made.add_argument("--seed", type=int, default=0, help="of weights and rows")
    made.add_argument("--threads", type=int, default=0, help="default: the cores of this process")
    made.add_argument("--input-shape", metavar="H,W,C", help="another input than the reference's")
    made.add_argument("--classes", type=int, help="another number of classes")
    made.add_argument("-o", "--output", metavar="FILE", help="the page (default: graphs-NAME.html)")
    return made


def run(args: argparse.Namespace) -> int:
    """Measure, print the table, write the page; 1 where answers depart."""
    from trimaran.files import write_text
    from trimaran.report.graphs import render
    from trimaran.steps import graphs
    from trimaran.steps.description import described

    model = described(args.name, args.input_shape, args.classes)
    choice = graphs.Choice(
        tuple(args.backends.split(",")),
        args.batch_size,
        args.repeats,
        args.seconds,
        args.seed,
        args.threads,
    )
    result = graphs.compare(model, choice, telling(args.json))
    path = Path(args.output or f"graphs-{model.name}.html")
    write_text(path, render(result))
    if args.json:
        print(json.dumps({**result, "page": str(path)}, ensure_ascii=False))
    else:
        print(f"{result['model']}, {result['parameters']:,} parameters, batches of "
              f"{result['batch_size']}, {result['threads']} threads")  # fmt: skip
        print("\n".join(table(result["rows"])))
        print(f"{result['verdict']}\npage: {path}")
    return 0 if result["ok"] else 1


def telling(quiet: bool) -> Callable[[str], None]:
    """What shows what is being measured, on the error stream: a line that the next one replaces on
    a terminal, else lines."""
    width = 0

    def tell(text: str) -> None:
        nonlocal width
        if quiet:
            return
        if sys.stderr.isatty():
            print(f"\r{text:<{width}}", end="", file=sys.stderr, flush=True)
            width = len(text)
        else:
            print(f"measuring {text}", file=sys.stderr, flush=True)

    return tell


HEAD = ("backend", "graph", "deviation", "compile", "step", "pays after", "batch", "pays after")


def table(rows: list[dict[str, Any]]) -> list[str]:
    """The kinds of graph as aligned lines."""
    cells = [HEAD, *(_cells(one) for one in rows)]
    shown = [one for one in cells if len(one) == len(HEAD)]
    widths = [max(len(one[i]) for one in shown) for i in range(len(HEAD))]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(one, widths, strict=False)).rstrip()
        for one in cells
    ]


def _cells(one: Mapping[str, Any]) -> tuple[str, ...]:
    if one["failed"]:
        return (one["backend"], one["graph"], f"not run: {one['failed']}")
    apart = max(one["deviation"], one["across"])
    shown = f"{apart:.1e}" + ("" if one["ok"] else " DEPARTS")
    compiled = (one["step"] or one["batch"])["compile"]["median"]
    return (
        *(one["backend"], one["graph"], shown, f"{compiled:.2f} s"),
        *(*_call(one["step"]), *_call(one["batch"])),
    )


def _call(found: Mapping[str, Any] | None) -> tuple[str, str]:
    """The steady time with its range, and the payback."""
    if found is None:
        return "answers only", "–"
    low, middle, high = (1e3 * found["steady"][name] for name in ("low", "median", "high"))
    pays = found.get("pays")
    return f"{middle:.2f} ms ({low:.2f}–{high:.2f})", pays["text"] if pays else "–"
