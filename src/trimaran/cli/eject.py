"""`trimaran eject`: a model as source that needs its framework and nothing of ours."""

from __future__ import annotations

import argparse
from pathlib import Path

from trimaran.cli.parsing import Parser, answer, verb

STYLES = ("sequential", "functional", "subclass")


def parser() -> Parser:
    """The command line of the verb."""
    made = verb(
        "eject",
        "Write a model's source as an engineer would have written it: the same text that trains.",
        "trimaran eject resnet50 --to torch -o resnet50.py",
    )
    made.add_argument("name", help="a model of the zoo, a run, or a model.json")
    made.add_argument("--to", choices=("torch", "keras"), default="torch", help="the framework")
    made.add_argument("--style", choices=STYLES, help="of Keras's source; by default what fits")
    made.add_argument("-o", "--output", metavar="FILE", help="default: print it")
    made.add_argument(
        "--weights", metavar="FILE",
        help="write a run's weights beside it: .safetensors for torch, .weights.h5 for keras",
    )  # fmt: skip
    made.add_argument("--input-shape", metavar="H,W,C", help="another input than the reference's")
    made.add_argument("--classes", type=int, help="another number of classes")
    return made


def run(args: argparse.Namespace) -> int:
    """Write or print the source."""
    from trimaran.files import write_text
    from trimaran.spec import digest
    from trimaran.steps.description import described, trained
    from trimaran.steps.implementation import source
    from trimaran.steps.weightfiles import write_weights

    model = described(args.name, args.input_shape, args.classes)
    text = source(model, args.to, args.style)
    lines = text.count("\n")
    value = {"model": model.name, "to": args.to, "digest": digest(model), "lines": lines}
    if args.weights is not None:
        write_weights(Path(args.weights), model, text, trained(args.name), args.to)
        value["weights"] = args.weights
    if args.output is None:
        return answer(args, value | {"source": text}, text.rstrip())
    write_text(Path(args.output), text)
    beside = f"; {args.weights}" if args.weights else ""
    return answer(args, value | {"file": args.output}, f"{args.output}: {lines} lines{beside}")
