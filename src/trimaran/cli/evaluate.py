"""`trimaran evaluate`: scores of a run."""

from __future__ import annotations

import argparse

from trimaran.cli.parsing import Parser, add_backend, add_run, answer, verb


def parser() -> Parser:
    """The command line of the verb."""
    made = verb(
        "evaluate",
        "Score a run in float32 on its own data, or on other data with the true answers.",
        "trimaran evaluate latest --split test --backend jax",
    )
    add_run(made)
    made.add_argument("--data", metavar="PATH", help="a folder, CSV, Parquet or .npz to score on")
    made.add_argument("--split", help="train, validation or test (default: the held-out)")
    add_backend(made)
    return made


def run(args: argparse.Namespace) -> int:
    """Score and print."""
    from trimaran import runs, workflow

    found = runs.find(args.run)
    scores = workflow.evaluate(found, args.data, args.split, args.backend)
    value = {"run": str(found.path), "scores": {split: scores[split] for split in scores}}
    return answer(args, value, f"{found.path}\n{scores!r}")
