"""`trimaran report`: the report of a run, written again from its folder."""

from __future__ import annotations

import argparse

from trimaran.cli.parsing import Parser, add_run, answer, verb


def parser() -> Parser:
    """The command line of the verb."""
    made = verb(
        "report",
        "Write report.html and README.md again from what stands in a run's folder.",
        "trimaran report latest",
    )
    add_run(made)
    return made


def run(args: argparse.Namespace) -> int:
    """Write the page and say where it is."""
    from trimaran import runs, workflow

    found = runs.find(args.run)
    page = workflow.report(found)
    return answer(args, {"run": str(found.path), "report": str(page)}, str(page))
