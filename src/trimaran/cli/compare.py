"""`trimaran compare`: one thing held against others; each subject explains itself."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from trimaran.cli.parsing import Parser, verb
from trimaran.errors import RecipeError

SUBJECTS = {
    "frameworks": "one network in PyTorch, TensorFlow and JAX: source, speed, errors, formats",
    "graphs": "one network as eager, compiled and exported graph: same answers? worth it?",
}
"""Subject → what it does. The module of each is `trimaran.cli.compare_SUBJECT`."""


class _Subjects(Parser):
    """A parser that hands the rest of the line to the subject's own."""

    def parse_intermixed_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> argparse.Namespace:
        words = list(args or ())
        if words and words[0] in ("-h", "--help"):
            self.print_help()
            raise SystemExit(0)
        if not words or words[0] not in SUBJECTS:
            raise RecipeError(_unknown(words))
        module = import_module(f"trimaran.cli.compare_{words[0]}")
        given: argparse.Namespace = module.parser().parse_intermixed_args(words[1:])
        given.subject = words[0]
        return given


def _unknown(words: Sequence[str]) -> str:
    listed = ", ".join(SUBJECTS)
    if not words:
        return f"Name what to compare: {listed}; 'trimaran compare --help' explains them."
    near = get_close_matches(words[0], SUBJECTS, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"there is {listed}."
    return f"There is no comparison of {words[0]!r}; {hint}"


def parser() -> Parser:
    """The command line of the verb."""
    shared = verb(
        "compare",
        "Compare, by measurement on this machine.",
        "trimaran compare frameworks --model mnist-mlp-128 --data mnist",
    )
    made = _Subjects(
        prog=shared.prog,
        description=shared.description,
        epilog=f"{shared.epilog}\n  trimaran compare graphs mnist-cnn\n\n"
        "Each explains itself:  trimaran compare graphs --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    listed = "; ".join(f"{name}: {about}" for name, about in SUBJECTS.items())
    made.add_argument("subject", choices=SUBJECTS, help=listed)
    made.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    return made


def run(args: argparse.Namespace) -> int:
    """Have the subject's module do it."""
    return int(import_module(f"trimaran.cli.compare_{args.subject}").run(args))
