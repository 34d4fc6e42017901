"""`trimaran convert`: your own network as source of the other framework, proved equal."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from trimaran.cli.eject import STYLES
from trimaran.cli.parsing import Parser, verb

if TYPE_CHECKING:
    from collections.abc import Callable

    from trimaran.steps.conversion import Left, Written
    from trimaran.steps.parity import Climb


def parser() -> Parser:
    """The command line of the verb."""
    made = verb(
        "convert",
        "Turn your own network into source of the other framework, with its weights, and climb the "
        "parity ladder against the original.",
        "trimaran convert my_model.py:Net --input 3,224,224 --to keras",
    )
    made.add_argument(
        "what",
        help="FILE.py:NAME or module:NAME: a class or function without arguments, a network; or a "
        "Keras model, also as FILE.keras",
    )
    made.add_argument(
        "--input", action="append", default=[], metavar="C,H,W",
        help="shape of an input without the batch, as a PyTorch network takes it; again for each",
    )  # fmt: skip
    made.add_argument("--to", choices=("keras", "torch"), default="keras", help="the framework")
    made.add_argument("--style", choices=STYLES, help="of Keras's source; by default what fits")
    made.add_argument("--weights", metavar="FILE", help="a .safetensors file of its state dict")
    made.add_argument(
        "-o", "--output", metavar="FILE",
        help="the source (default: NAME_keras.py or NAME_torch.py, after FILE.py:NAME or "
        "NAME.keras); description, weights and page are named after it, replaced files are told",
    )  # fmt: skip
    made.add_argument("--steps", type=int, help="updates of the ladder (default: by the size)")
    made.add_argument("--optimizer", metavar="NAME", help="of the ladder (default: by the size)")
    made.add_argument("--precision", choices=("float64", "float32"), help="default: by the size")
    made.add_argument("--batch-size", type=int, help="of the ladder (default: by the size)")
    made.add_argument("--no-parity", action="store_true", help="write the files alone")
    return made


def run(args: argparse.Namespace) -> int:
    """Read, write, climb."""
    from trimaran.cli.parity import say
    from trimaran.steps import conversion

    show = (lambda line: None) if args.json else say
    asked = conversion.Asked(args.what, tuple(map(_shape, args.input)), args.weights)
    found = conversion.left(asked)
    show(f"{found.model.name}, {found.model.size:,} parameters: read, and equal in PyTorch")
    if found.note:
        show(found.note)
    given = None if args.no_parity else conversion.climb_for(found, args.steps, _wishes(args))
    written = conversion.write(found, args.to, args.style, args.output, args.what)
    others = "; ".join(str(path) for path in written.files[1:])
    show(f"{written.source}: {written.lines} lines; {others}")
    if written.over:
        show(f"written over: {'; '.join(map(str, written.over))}")
    value = _value(found, written, args.to)
    if given is not None:
        value |= _climbed(found, written, given, show)
    if args.json:
        print(json.dumps(value, ensure_ascii=False))
    return 0 if value.get("ok", True) else 1


def _shape(text: str) -> tuple[int, ...]:
    from trimaran.errors import RecipeError

    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise RecipeError(
            f"--input {text}: expected sizes of 1 or more without the batch, such as 3,224,224."
        )
    return sizes


def _value(found: Left, written: Written, to: str) -> dict[str, Any]:
    from trimaran.spec import digest

    return {
        "model": found.model.name,
        "note": found.note,
        "to": to,
        "digest": digest(found.model),
        "parameters": found.model.size,
        "lines": written.lines,
        "file": str(written.source),
        "description": str(written.description),
        "weights": str(written.weights),
        "keras_weights": None if written.keras is None else str(written.keras),
        "written_over": [str(path) for path in written.over],
    }


def _climbed(
    found: Left, written: Written, given: Climb, show: Callable[[str], None]
) -> dict[str, Any]:
    """The ladder, printed rung by rung, and its page."""
    from trimaran.cli.parity import row
    from trimaran.files import write_text
    from trimaran.report.parity import render
    from trimaran.steps import conversion, parity

    how = ", ".join(f"{o} in {' and '.join(given.precisions)}" for o in given.optimizers)
    show(f"the ladder: {' against '.join((given.sides[0], ', '.join(given.sides[1:])))}; "
         f"{given.steps} update{'s' * (given.steps != 1)} of {how}, {given.batch_size} "
         f"row{'s' * (given.batch_size != 1)} each")  # fmt: skip
    rungs = []
    for problem, rung in conversion.climbed(found, given):
        rungs.append({"optimizer": parity.optimizer_name(problem), **rung.to_json()})
        show(row(rungs[-1]))
    result = parity.summary(parity.Subject(found.model), given, rungs)
    stem, name = written.description.stem, found.model.name
    page = written.source.with_name(f"parity-{name if stem == name.lower() else stem}.html")
    over = [*written.over, page] if page.exists() else written.over
    write_text(page, render(result))
    show(result["verdict"])
    show(f"page: {page}{', written over' if page in over else ''}")
    return {**result, "page": str(page), "written_over": list(map(str, over))}


def _wishes(args: argparse.Namespace) -> dict[str, Any]:
    """What was asked of the ladder."""
    wishes = {
        "optimizers": (args.optimizer,) if args.optimizer else None,
        "precisions": (args.precision,) if args.precision else None,
        "batch_size": args.batch_size,
    }
    return {name: value for name, value in wishes.items() if value is not None}
