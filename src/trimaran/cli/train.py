"""`trimaran train`: a recipe, or your own data, to a scored run with a report."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

from trimaran.cli.parsing import Parser, answer, verb
from trimaran.errors import RecipeError

EXAMPLE = """trimaran train mnist-cnn training.epochs=3
  trimaran train --data flowers/ --out runs/flowers
  trimaran train --data titanic.csv --target survived --model mlp
  trimaran train --data load.csv task=forecast data.series.horizon=24
  trimaran train --resume runs/2026-11-22-mnist-cnn-1"""


def parser() -> Parser:
    """The command line of the verb."""
    made = verb("train", "Train a recipe, or a model for your own data; score it; report.", EXAMPLE)
    made.add_argument(
        "words", nargs="*", metavar="RECIPE [KEY=VALUE ...]",
        help="a recipe's name or YAML file, and settings over it, such as training.epochs=3 "
        "('trimaran show settings' explains all of them)",
    )  # fmt: skip
    made.add_argument("--data", metavar="PATH", help="your own folder, CSV, Parquet, .npz or .zip")
    made.add_argument("--target", metavar="COLUMN", help="the column to predict")
    made.add_argument("--model", metavar="NAME", help="an architecture (see: trimaran show models)")
    made.add_argument("--out", metavar="DIR", help="the run folder to make")
    made.add_argument("--resume", metavar="RUN", help="go on with a run that was cut off")
    made.add_argument(
        "--inexact", action="store_true",
        help="resume on another machine or version, where the same bytes are not promised",
    )  # fmt: skip
    made.add_argument("--tensorboard", action="store_true", help="also write TensorBoard scalars")
    return made


def run(args: argparse.Namespace) -> int:
    """Train and print the score, the time and the report's path."""
    from trimaran.training.events import INTERRUPTED

    found = _Found(run=args.resume)
    try:
        done = _done(args, found)
    except KeyboardInterrupt:  # while no training listens for it: before, after, or a second one
        if args.json:
            _say_stopped(found.run, INTERRUPTED, found.advice())
        raise
    if done.reason == INTERRUPTED:
        if args.json:
            _say_stopped(str(done.run.path), done.reason, done.advice)
        return 130
    return answer(args, summary(done), text(done))


def _done(args: argparse.Namespace, found: _Found) -> Any:
    from trimaran.steps.rooms import head_start

    if args.resume:
        _refuse_with_resume(args)
    else:
        asked = recipe(list(args.words), args, found)
        # Before the imports below, beside which a framework can be imported in its own process.
        head_start(asked.backend)
    from trimaran import workflow
    from trimaran.cli.progress import watch
    from trimaran.steps.timing import Timing, process_began

    told = watch()
    options = workflow.Options(
        out=args.out,
        tensorboard=args.tensorboard,
        inexact=args.inexact,
        timing=Timing(process_began()),
        tell=lambda event: None if found.said(event) else told(event),
        scored=(lambda run: None) if args.json else _say_score,
    )
    try:
        if args.resume:
            return workflow.resume(args.resume, options)
        return workflow.run(asked, options)
    finally:
        told.close()


def _say_stopped(run: str | None, reason: str, advice: str) -> None:
    """The object that --json ends with after Ctrl-C."""
    print(json.dumps({"run": run, "stopped": reason, "advice": advice}, ensure_ascii=False))
    sys.stdout.flush()


def _say_score(run: Any) -> None:
    print("\n".join([run.headline(), *run.scores.beside()]), flush=True)


class _Found:
    """The run's folder as soon as there is one, and what was said of the user's data when it was
    looked at, which need not be told again."""

    def __init__(self, run: str | None) -> None:
        self.run = run
        self.sentences: list[str] = []

    def said(self, event: Any) -> bool:
        self.run = getattr(event, "run", self.run)  # the plan names it
        return getattr(event, "text", None) in self.sentences

    def advice(self) -> str:
        """How to go on where training itself has not said so."""
        if self.run is None:
            return "Nothing was trained yet; give the command again."
        return f"Go on with: trimaran train --resume {shlex.quote(self.run)}"


def recipe(words: list[str], args: argparse.Namespace, found: _Found) -> Any:
    """The recipe that the words and options mean."""
    from trimaran import recipe as recipes
    from trimaran.steps.owndata import own_data

    named = words and ("=" not in words[0] or Path(words[0]).is_file())
    name = words.pop(0) if named else None
    if name is None and args.data is None:
        raise RecipeError(
            f"Name a recipe ({', '.join(recipes.names())}) or give --data PATH with your own data."
        )
    options: dict[str, Any] = {}
    if args.model:
        options["model"] = {"zoo": args.model}
    if args.target:
        options["data"] = {"target": args.target}
    given = recipes.Layer("the command line", options)
    changes = (given, recipes.overrides(words))
    if args.data is None:
        return recipes.load(str(name), *changes)
    made, found.sentences = own_data(name, args.data, changes)
    print("\n".join(found.sentences), file=sys.stderr)
    return made


def _refuse_with_resume(args: argparse.Namespace) -> None:
    given = [name for name in ("data", "target", "model", "out") if getattr(args, name)]
    if given or args.words:
        what = f"--{given[0]}" if given else repr(args.words[0])
        raise RecipeError(f"--resume goes on with a run as it is, so {what} cannot be given.")


def summary(done: Any) -> dict[str, Any]:
    """The object that --json ends with."""
    run, timing = done.run, done.timing
    return {
        "run": str(run.path),
        "scores": {split: dict(metrics) for split, metrics in run.scores.items()},
        "data": {
            "name": done.plan.data,
            "rows": dict(done.plan.rows),
            "notices": list(done.notices),
        },
        "seconds": timing.seconds(),
        f"{done.plan.unit}_per_second": timing.rate(),
        "backend": run.recipe.backend,
        "precision": done.plan.precision,
        "report": str(run.report),
    }


def text(done: Any) -> str:
    """The last lines for people; the score was printed before the report was written."""
    from trimaran.words import duration

    seconds = done.timing.seconds()
    shares = ", ".join(f"{name} {duration(value)}" for name, value in seconds.items())
    return f"time: {shares}\nreport: {done.run.report}"
