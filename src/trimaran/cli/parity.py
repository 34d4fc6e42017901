"""`trimaran parity`: is it the same network on every backend?"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from trimaran.cli.parsing import Parser, verb


def parser() -> Parser:
    """The command line of the verb."""
    from trimaran.training.optimizers import OPTIMIZERS

    made = verb(
        "parity",
        "Climb the parity ladder: the same outputs, gradients and updates on every backend?",
        "trimaran parity mnist-cnn --optimizer adam --optimizer sgd --steps 100",
    )
    made.add_argument("name", help="a model of the zoo (at its small size), a run, a model.json")
    made.add_argument(
        "--backends", default="torch,tensorflow,jax", metavar="NAMES",
        help="the first is the truth (default: torch,tensorflow,jax)",
    )  # fmt: skip
    made.add_argument(
        "--steps", type=int, default=100, help="updates of the long rungs (default 100)"
    )
    made.add_argument(
        "--optimizer", action="append", metavar="NAME",
        help=f"{', '.join(OPTIMIZERS)}; may be given again (default: adam)",
    )  # fmt: skip
    made.add_argument("--precision", choices=("float64", "float32"), help="default: both")
    made.add_argument("--batch-size", type=int, default=16, help="rows an update (default 16)")
    made.add_argument("--seed", type=int, default=0, help="of weights, rows, masks (default 0)")
    made.add_argument("--input-shape", metavar="H,W,C", help="for a zoo name: its reference size")
    made.add_argument("--classes", type=int, help="for a zoo name")
    made.add_argument("-o", "--output", metavar="FILE", help="the page (default: parity-NAME.html)")
    return made


def run(args: argparse.Namespace) -> int:
    """Climb, print each rung as it is reached, write the page."""
    from trimaran.files import write_text
    from trimaran.report.parity import render
    from trimaran.steps import parity

    given = parity.Climb(
        tuple(args.backends.split(",")),
        args.steps,
        tuple(args.optimizer or ("adam",)),
        (args.precision,) if args.precision else parity.PRECISIONS,
        args.batch_size,
        args.seed,
    )
    subject = parity.subject(args.name, args.input_shape, args.classes)
    show = (lambda line: None) if args.json else say
    show(
        f"{subject.model.name}, {subject.model.size:,} parameters; the truth is {given.backends[0]}"
    )
    found = []
    for problem, rung in parity.ladder(subject, given):
        value = {"optimizer": parity.optimizer_name(problem), **rung.to_json()}
        found.append(value)
        show(row(value))
    result = parity.summary(subject, given, found)
    path = Path(args.output or f"parity-{subject.model.name}.html")
    over = [str(path)] if path.exists() else []
    write_text(path, render(result))
    show(result["verdict"])
    show(f"page: {path}{', written over' if over else ''}")
    if args.json:
        print(json.dumps({**result, "page": str(path), "written_over": over}))
    return 0 if result["ok"] else 1


def say(line: str) -> None:
    """Print it now."""
    print(line)
    sys.stdout.flush()


def row(rung: dict[str, Any]) -> str:
    """A rung for people."""
    held = "ok" if rung["ok"] else "BROKEN"
    layer = f"  first layer: {rung['first_layer']}" if rung["first_layer"] else ""
    apart = "not finite" if rung["deviation"] is None else f"{rung['deviation']:.1e}"
    line = (
        f"{rung['optimizer']:<9}{rung['precision']:<9}{rung['backends'][1]:<11}{rung['name']:<27}"
        f"{apart:>10} of {rung['tolerance']:<8.1e}{held}{layer}"
    )
    return f"{line}\n    {rung['note']}" if rung["note"] else line
