"""`trimaran explain`: how networks learn, and what they see."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from trimaran.cli.parsing import Parser, answer, verb
from trimaran.errors import RecipeError

LESSONS = ("perceptron", "backprop", "gradients", "features", "activations", "gates")
EXAMPLE = """trimaran explain perceptron -o perceptron.svg
  trimaran explain backprop mnist-mlp -o backprop.svg
  trimaran explain gradients -o gradients.svg
  trimaran explain features latest --picture digit.png -o features.svg
  trimaran explain activations
  trimaran explain gates latest --text "not a bad film" -o gates.svg"""


def parser() -> Parser:
    """The command line of the verb."""
    made = verb(
        "explain",
        "perceptron: OR and XOR by Rosenblatt's rule, by gradients and with a hidden layer.\n"
        "backprop NAME: δ and ∂L/∂W of each layer by the equations, beside autograd and finite "
        "differences.\ngradients: deep networks whose gradients vanish or explode, and the cures."
        "\nfeatures RUN: what the convolutions make of a picture.\nactivations: the table of "
        "activation functions, measured.\ngates RUN: what the gates of a recurrent network do at "
        "each step of a text.",
        EXAMPLE,
    )
    made.add_argument("lesson", choices=LESSONS)
    made.add_argument("name", nargs="?", help="a model of the zoo or a run, where one is shown")
    made.add_argument("--picture", metavar="FILE", help="features: this picture")
    made.add_argument("--row", type=int, default=0, help="features: a row of the held-out split")
    made.add_argument("--text", metavar="TEXT", help="gates: this text")
    made.add_argument("--input-shape", metavar="H,W,C", help="backprop: another input")
    made.add_argument("--classes", type=int, help="backprop: another number of classes")
    made.add_argument("--seed", type=int, default=0, help="of weights and rows")
    made.add_argument("-o", "--output", metavar="FILE", help="where the figure (SVG) goes")
    return made


def run(args: argparse.Namespace) -> int:
    """Show one lesson; write its figure where asked."""
    lessons = {
        "perceptron": _perceptron, "backprop": _backprop, "gradients": _gradients,
        "features": _features, "activations": _activations, "gates": _gates,
    }  # fmt: skip
    value, text, figure = lessons[args.lesson](args)
    if args.output:
        from trimaran.files import write_text

        write_text(Path(args.output), figure)
        value, text = value | {"figure": args.output}, f"{text}\nfigure: {args.output}"
    else:
        text += f"\nTo draw it: add -o {args.lesson}.svg"
    return answer(args, value, text)


def _perceptron(args: argparse.Namespace) -> tuple[dict[str, Any], str, str]:
    from trimaran.explain import perceptron
    from trimaran.steps import lessons

    found = lessons.perceptrons(args.seed)
    value = {"learned": [each.to_json() for each in found]}
    return value, perceptron.table(found), perceptron.draw(found)


def _backprop(args: argparse.Namespace) -> tuple[dict[str, Any], str, str]:
    from trimaran import runs, zoo
    from trimaran.explain import backprop, flow
    from trimaran.steps import lessons
    from trimaran.steps.description import described

    name = args.name or "mnist-mlp"
    model = described(name, args.input_shape, args.classes)
    trained = name not in zoo.ZOO and not Path(name).is_file()
    weights = runs.find(name).weights if trained else None
    found = lessons.chain_rule(model, weights, args.seed)
    return found.to_json(), backprop.table(found), flow.draw(found)


def _gradients(args: argparse.Namespace) -> tuple[dict[str, Any], str, str]:
    from trimaran.explain import depth, gradients
    from trimaran.steps import lessons

    found = lessons.vanishing(args.seed)
    return (
        {"cases": [each.to_json() for each in found]},
        gradients.table(found),
        depth.draw(found),
    )


def _features(args: argparse.Namespace) -> tuple[dict[str, Any], str, str]:
    from trimaran import runs
    from trimaran.explain import features
    from trimaran.steps import lessons
    from trimaran.steps.scoring import output_of

    if args.name is None:
        raise RecipeError("'explain features' needs a run that reads pictures; name one.")
    found = runs.find(args.name)
    maps = lessons.maps(found, args.picture, args.row)
    classes = output_of(found.preprocess).classes
    scores = maps.scores.ravel().tolist()
    shapes = {path: list(array.shape) for path, array in maps.maps.items()}
    best = max(range(len(scores)), key=scores.__getitem__)
    text = "\n".join(f"{path}: {' × '.join(map(str, shape))}" for path, shape in shapes.items())
    if len(classes) == len(scores):
        text += f"\nanswer: {classes[best]} ({100 * scores[best]:.1f} %)"
    value = {"run": str(found.path), "maps": shapes, "scores": scores}
    return value, text, features.draw(maps, classes)


def _activations(args: argparse.Namespace) -> tuple[dict[str, Any], str, str]:
    from trimaran.explain import activations
    from trimaran.steps import lessons
    from trimaran.tasks import Loss

    backend, loss = lessons.reference(), Loss("mean_squared_error")
    found = activations.rows(backend, loss)
    rows = {row.name: row.to_json() for row in found}
    return {"functions": rows}, activations.table(found), activations.draw(backend, loss)


def _gates(args: argparse.Namespace) -> tuple[dict[str, Any], str, str]:
    from trimaran import runs
    from trimaran.explain import gates
    from trimaran.steps import lessons

    if args.name is None or not args.text:
        raise RecipeError("'explain gates' needs a run that reads texts, and --text TEXT.")
    run = runs.find(args.name)
    found = lessons.gates_of(run, args.text)
    return {"run": str(run.path), **found.to_json()}, gates.table(found), gates.draw(found)
