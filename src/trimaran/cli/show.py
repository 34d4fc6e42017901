"""`trimaran show`: recipes, models, runs, or one of them; and what a recipe may set."""

from __future__ import annotations

import argparse
import json
import textwrap
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from trimaran.cli.parsing import Parser, answer, verb
from trimaran.errors import RecipeError

KINDS = ("recipes", "models", "runs", "recipe", "model", "run", "settings")


def parser() -> Parser:
    """The command line of the verb."""
    made = verb(
        "show",
        "List recipes, models or runs, show one of them, or explain what a recipe may set.",
        "trimaran show model resnet18 --diagram -o resnet18.svg\n"
        "  trimaran show settings data.series",
    )
    made.add_argument(
        "kind", nargs="?", choices=KINDS, help="what to show (default: all three lists)"
    )
    made.add_argument("name", nargs="?", help="of one recipe, model, run (or its folder), setting")
    made.add_argument("--input-shape", metavar="H,W,C", help="another input than the reference's")
    made.add_argument("--classes", type=int, help="another number of classes")
    made.add_argument("--diagram", action="store_true", help="write the model's diagram as SVG")
    made.add_argument("-o", "--output", metavar="FILE", help="where the diagram goes")
    return made


def run(args: argparse.Namespace) -> int:
    """Print the list or the one thing."""
    if args.kind in ("recipe", "model", "run") and args.name is None:
        raise RecipeError(f"'show {args.kind}' needs a name; 'show {args.kind}s' lists them.")
    shown = {
        None: _everything,
        "recipes": _recipes, "models": _models, "runs": _runs,
        "recipe": _recipe, "model": _model, "run": _run, "settings": _settings,
    }[args.kind](args)  # fmt: skip
    return answer(args, *shown)


def _everything(args: argparse.Namespace) -> tuple[Any, str]:
    lists = {"recipes": _recipes(args), "models": _models(args), "runs": _runs(args)}
    text = "\n\n".join(f"{name}:\n{words}" for name, (_, words) in lists.items())
    return {name: value for name, (value, _) in lists.items()}, text


def _recipes(args: argparse.Namespace) -> tuple[Any, str]:
    from trimaran import recipe

    about = {name: _comment(recipe.RECIPES / f"{name}.yaml") for name in recipe.names()}
    width = max(map(len, about))
    return about, "\n".join(f"{name:<{width}}  {text}" for name, text in about.items())


def _comment(path: Path) -> str:
    return path.read_text("utf-8").split("\n", 1)[0].removeprefix("# ")


def _models(args: argparse.Namespace) -> tuple[Any, str]:
    from trimaran.zoo import ZOO

    rows = [
        (name, f"{e.parameters:,}", "×".join(map(str, e.input_shape)), str(e.classes),
         f"{e.paper} ({e.year})")
        for name, e in ZOO.items()
    ]  # fmt: skip
    head = ("model", "parameters", "input", "outputs", "from")
    value = {
        name: {"parameters": e.parameters, "input_shape": list(e.input_shape),
               "classes": e.classes, "paper": e.paper, "year": e.year}
        for name, e in ZOO.items()
    }  # fmt: skip
    return value, table([head, *rows])


def table(rows: list[tuple[str, ...]]) -> str:
    """Rows as aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _runs(args: argparse.Namespace) -> tuple[Any, str]:
    from trimaran import runs

    found = runs.every()
    value = [{"run": str(run.path), "result": run.headline()} for run in found]
    text = "\n".join(f"{run.path}  {run.headline()}" for run in found)
    return value, text or f"There is no run in {runs.root()} yet."


def _recipe(args: argparse.Namespace) -> tuple[Any, str]:
    from trimaran import recipe
    from trimaran.keys import plain

    found = recipe.load(args.name)
    return plain(found), found.to_yaml().rstrip()


def _run(args: argparse.Namespace) -> tuple[Any, str]:
    from trimaran.handle import find

    found = find(args.name)
    scores = dict(found.scores) if found.finished else {}
    value = {"run": str(found.path), "scores": scores, "report": str(found.report)}
    return value, f"{found!r}\n{found.scores!r}" if scores else repr(found)


def _model(args: argparse.Namespace) -> tuple[Any, str]:
    from trimaran.spec import digest, summary
    from trimaran.steps.description import described

    model = described(args.name, args.input_shape, args.classes)
    value = {
        "model": model.name,
        "parameters": model.size,
        "flops": model.flops,
        "activation_bytes": model.activation_bytes,
        "digest": digest(model),
        "layers": [
            {"path": leaf.path, "kind": type(leaf.layer).__name__, "output": leaf.out_shape}
            for leaf in model.leaves
        ],
    }
    text = summary(model)
    if args.diagram:
        value["diagram"] = str(_draw(model, args.output))
        text += f"\ndiagram: {value['diagram']}"
    return value, text


def _settings(args: argparse.Namespace) -> tuple[Any, str]:
    from trimaran.explained import settings
    from trimaran.recipe import Recipe

    every = list(settings(Recipe))
    found = [each for each in every if (args.name or "") in each.key]
    if not found:
        near = get_close_matches(args.name, [each.key for each in every], 1, 0.3)
        hint = f"did you mean {near[0]}?" if near else "'trimaran show settings' lists all."
        raise RecipeError(f"There is no setting {args.name!r}; {hint}")
    value = {each.key: {"default": each.default, "about": each.about} for each in found}
    return value, "\n".join(_setting(each) for each in found)


def _setting(each: Any) -> str:
    about = textwrap.fill(each.about, 96, initial_indent="    ", subsequent_indent="    ")
    if isinstance(each.default, dict):
        return f"  {each.key}  {_given(each.default)}\n{about}"
    return f"{each.key}  {_given(each.default)}\n{about}"


def _given(value: Any) -> str:
    """A default as a command line would give it."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_given(inner)}" for key, inner in value.items())
    return value if isinstance(value, str) else json.dumps(value)


def _draw(model: Any, output: str | None) -> Path:
    from trimaran.files import write_text
    from trimaran.report.drawing import svg_page

    path = Path(output or f"{model.name}.svg")
    write_text(path, svg_page(model))
    return path
