"""What the verbs' command lines share."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any, NoReturn

from trimaran.errors import RecipeError


class Parser(argparse.ArgumentParser):
    """A parser whose errors are Trimaran's: one sentence, status 2."""

    def error(self, message: str) -> NoReturn:
        raise RecipeError(f"{message}; see '{self.prog} --help'.")


def verb(name: str, about: str, example: str) -> Parser:
    """A verb's parser, with --json and an example below its help."""
    made = Parser(
        prog=f"trimaran {name}",
        description=about,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    return made


def add_run(parser: Parser) -> None:
    """The run that a verb works on; the latest where none is named."""
    about = "a run's folder or name (default: latest)"
    parser.add_argument("run", nargs="?", default="latest", help=about)


def add_backend(parser: Parser) -> None:
    """Another backend than the one that trained."""
    names = ("torch", "tensorflow", "jax")
    parser.add_argument("--backend", choices=names, help="compute there (default: what trained)")


def answer(args: argparse.Namespace, value: Any, text: str) -> int:
    """Print the result for people, or for programs where --json was given."""
    if args.json:
        print(json.dumps(value, ensure_ascii=False))
    else:
        print(text)
    sys.stdout.flush()
    return 0
