"""Verbs that have subjects, each with a command line of its own in a module of its own."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from trimaran.cli.parsing import Parser, verb
from trimaran.errors import RecipeError


@dataclass(frozen=True)
class Subjects:
    """What a verb can be asked about.

    table:  subject → what it does; its module is `trimaran.cli.VERB_SUBJECT`, "-" written "_"
    noun:   what the verb makes, as in "there is no comparison of ..."
    example: below the help;  more: examples of others
    """

    verb: str
    about: str
    noun: str
    table: Mapping[str, str]
    example: str
    more: tuple[str, ...] = ()

    def module(self, subject: str) -> Any:
        """The module that does it."""
        return import_module(f"trimaran.cli.{self.verb}_{subject.replace('-', '_')}")

    def parser(self) -> Parser:
        """The command line of the verb."""
        shared = verb(self.verb, self.about, "\n  ".join((self.example, *self.more)))
        first = next(iter(self.table))
        made = _Verb(
            prog=shared.prog,
            description=shared.description,
            epilog=f"{shared.epilog}\n\nEach explains itself:  trimaran {self.verb} {first} --help",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.subjects = self
        listed = "; ".join(f"{name}: {about}" for name, about in self.table.items())
        made.add_argument("subject", choices=self.table, help=listed)
        made.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
        return made

    def run(self, args: argparse.Namespace) -> int:
        """Have the subject's module do it."""
        return int(self.module(args.subject).run(args))


class _Verb(Parser):
    """A parser that hands the rest of the line to the subject's own."""

    subjects: Subjects

    def parse_intermixed_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> argparse.Namespace:
        words = list(args or ())
        if words and words[0] in ("-h", "--help"):
            self.print_help()
            raise SystemExit(0)
        if not words or words[0] not in self.subjects.table:
            raise RecipeError(_unknown(self.subjects, words))
        parser: Parser = self.subjects.module(words[0]).parser()
        given: argparse.Namespace = parser.parse_intermixed_args(words[1:])
        given.subject = words[0]
        return given


def _unknown(subjects: Subjects, words: Sequence[str]) -> str:
    listed = ", ".join(subjects.table)
    if not words:
        return (
            f"Name what to {subjects.verb}: {listed}; 'trimaran {subjects.verb} --help' explains "
            f"{'it' if len(subjects.table) == 1 else 'them'}."
        )
    near = get_close_matches(words[0], subjects.table, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"there is {listed}."
    return f"There is no {subjects.noun} of {words[0]!r}; {hint}"
