"""`trimaran predict`: a run's answers for new rows."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from pathlib import Path
from typing import Any

from trimaran.cli.parsing import Parser, add_backend, answer, verb
from trimaran.errors import RecipeError


def parser() -> Parser:
    """The command line of the verb."""
    made = verb(
        "predict",
        "Predict pictures, texts, a folder of them, a CSV, Parquet or .npz file; CSV on stdout.",
        "trimaran predict latest digit.png another.png\n"
        '  trimaran predict latest --text "A film to see twice."\n'
        "  trimaran predict latest --csv past.csv --picture ahead.svg",
    )
    made.add_argument("run", help='a run\'s folder or name, or "latest"')
    made.add_argument("inputs", nargs="*", help="pictures, one folder, or one file of rows")
    made.add_argument("--csv", metavar="FILE", help="one file of rows, such as the past of series")
    made.add_argument("--text", metavar="TEXT", action="append", help="a text; may stand again")
    made.add_argument("--picture", metavar="SVG", help="draw forecasts of series here")
    made.add_argument("-o", "--output", metavar="FILE", help="write here instead of printing")
    add_backend(made)
    return made


def run(args: argparse.Namespace) -> int:
    """Predict and print a row each."""
    from trimaran import runs, workflow
    from trimaran.data.preprocess import INPUT
    from trimaran.data.texts.field import PaddedText

    named = [Path(name) for name in (*args.inputs, *([args.csv] if args.csv else []))]
    if bool(named) == bool(args.text):
        raise RecipeError("Name what to predict: pictures, a folder, --csv FILE, or --text TEXT.")
    found = runs.find(args.run)
    given: Any = args.text or (named[0] if len(named) == 1 else named)
    if args.text and not isinstance(found.preprocess.inputs[INPUT], PaddedText):
        raise RecipeError(f"--text is for runs that learned from texts, which {args.run} did not.")
    answers = workflow.predict(found, given, args.backend)
    rows = answers.rows()
    if args.picture:
        _draw(args.picture, answers)
    text = _csv(rows).rstrip()
    if args.output:
        _write(args.output, rows, args.json)
        text = f"{args.output}: {len(rows)} rows"
    return answer(args, {"run": str(found.path), "predictions": rows}, text)


def _draw(path: str, answers: Any) -> None:
    from pathlib import Path

    from trimaran.files import write_text
    from trimaran.report.fan import fan
    from trimaran.steps.ahead import Forecasts

    if not isinstance(answers, Forecasts):
        raise RecipeError("--picture draws forecasts of series, which this run does not make.")
    times = [(*back, *ahead) for back, ahead in zip(answers.before, answers.times, strict=True)]
    picture = fan(answers.keys, answers.names, times, answers.past, answers.values, answers.levels)
    write_text(Path(path), picture)


def _csv(rows: list[dict[str, Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _write(path: str, rows: list[dict[str, Any]], as_json: bool) -> None:
    import json
    from pathlib import Path

    from trimaran.files import write_text

    write_text(Path(path), json.dumps(rows, indent=1) + "\n" if as_json else _csv(rows))
    sys.stdout.flush()
