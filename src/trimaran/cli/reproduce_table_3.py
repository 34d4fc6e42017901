"""`trimaran reproduce table-3`: the chapter's three recurrent networks, measured."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trimaran.cli.parsing import Parser, verb

ABOUT = """Vanilla RNN, LSTM and GRU as the chapter's Table 3 has them, measured.

Counted from the descriptions: gates and parameters. Trained on memory tasks of several
lengths: how many runs solve theirs, how many diverge at which learning rate, how the
gradient fades through time, how long an update takes. Each of the chapter's words then
stands beside its measurement, with a verdict."""


def parser() -> Parser:
    """The command line of the subject."""
    made = verb(
        "reproduce table-3", ABOUT, "trimaran reproduce table-3 --seeds 5 --only adding copy"
    )
    made.add_argument("--seeds", type=int, default=5, help="runs of each network (default: 5)")
    made.add_argument("--seed", type=int, default=0, help="the first of them")
    made.add_argument(
        "--only",
        nargs="+",
        metavar="TASK",
        help="adding, copy, parity (default: all three); "
        "the first also has the learning rates, gradients and times",
    )
    made.add_argument("--units", type=int, default=24, help="of each network (default: 24)")
    made.add_argument("--updates", type=int, default=600, help="budget of a run (default: 600)")
    made.add_argument(
        "-o", "--out", metavar="PAGE", default="table-3.html", help="default: table-3.html"
    )
    return made


def run(args: argparse.Namespace) -> int:
    """Measure, write the page, print the table and the verdicts."""
    from trimaran.cli.counting import counting
    from trimaran.files import write_text
    from trimaran.report.table3 import render
    from trimaran.steps.memory import Choice
    from trimaran.steps.table3 import Found, study

    only = tuple(dict.fromkeys(args.only or Choice.only))
    choice = Choice(only, args.seeds, args.seed, args.units, args.updates)
    found: Mapping[str, Any] = {}
    with counting(args.json) as told:
        for event in study(choice):
            told(event)
            if isinstance(event, Found):
                found = event.value
    page = Path(args.out)
    write_text(page, render(found))
    if args.json:
        print(json.dumps({**found, "page": str(page)}, ensure_ascii=False))
    else:
        parts = (table(found), successes(found), rates(found), claims(found))
        print("\n\n".join("\n".join(part) for part in parts))
        print(f"page: {page}")
    return 0


def table(found: Mapping[str, Any]) -> list[str]:
    """The chapter's table with what was measured: a line for each network."""
    head = ("", "gates", "parameters", "solved", "of", "95 %", "diverged", "first/last gradient",
            "ms/update")  # fmt: skip
    return aligned([head, *(_line(found, cell) for cell in found["cells"])])


def _line(found: Mapping[str, Any], cell: str) -> tuple[str, ...]:
    own, ratio = found["cells"][cell], found["gradients"]["ratio"]["trained"][cell]
    long = own["seconds_update"]["long"]
    return (
        own["label"],
        str(own["counts"]["gates"]),
        f"{own['counts']['trained']:,}",
        str(own["count"]),
        str(own["runs"]),
        _bounds(own),
        f"{own['diverged']['count']} of {own['diverged']['runs']}",
        f"{ratio['mean']:.1e}" if ratio["runs"] else "none finite",
        f"{1e3 * long['median']:.2f} ({1e3 * long['low']:.2f}–{1e3 * long['high']:.2f})",
    )


def successes(found: Mapping[str, Any]) -> list[str]:
    """Runs that solved each task at each length, a column for each network."""
    rows = [("task", "length", *found["labels"].values())]
    for task in found["tasks"]:
        for length in task["lengths"]:
            own = [
                one for one in found["success"]
                if (one["task"], one["length"]) == (task["name"], length)
            ]  # fmt: skip
            shown = [f"{one['count']}/{one['runs']} ({_bounds(one)})" for one in own]
            rows.append((task["name"], f"{length} {task['counted']}", *shown))
    return aligned(rows)


def rates(found: Mapping[str, Any]) -> list[str]:
    """Runs that solved a task, and those that diverged, at each learning rate."""
    rows = [
        ("learning rate", *(f"{label}: solved, diverged" for label in found["labels"].values()))
    ]
    for rate in found["choice"]["rates"]:
        own = [one for one in found["rates"] if one["rate"] == rate]
        shown = [f"{one['count']}, {one['diverged']['count']} of {one['runs']}" for one in own]
        rows.append((f"{rate:g}", *shown))
    return aligned(rows)


def _bounds(one: Mapping[str, Any]) -> str:
    return f"{100 * one['low']:.0f}–{100 * one['high']:.0f} %"


def claims(found: Mapping[str, Any]) -> list[str]:
    """The chapter's claims with their verdicts and what they rest on."""
    return [
        line
        for one in found["claims"]
        for line in (
            f"{one['verdict']:<14}{one['of']:<12}{one['aspect']}: {one['words']}",
            f"{'':14}{one['evidence']}",
        )
    ]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of words as columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
