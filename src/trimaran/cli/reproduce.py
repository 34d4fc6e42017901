"""`trimaran reproduce`: what the chapter claims, measured; each subject explains itself."""

from __future__ import annotations

import argparse

from trimaran.cli.parsing import Parser
from trimaran.cli.subjects import Subjects

SUBJECTS = {
    "table-3": "vanilla RNN, LSTM and GRU: gates, parameters, training stability",
}
VERB = Subjects(
    "reproduce",
    "Measure what the chapter claims, and set its words beside the measurement with a verdict.",
    "reproduction",
    SUBJECTS,
    "trimaran reproduce table-3",
)


def parser() -> Parser:
    """The command line of the verb."""
    return VERB.parser()


def run(args: argparse.Namespace) -> int:
    """Have the subject's module do it."""
    return VERB.run(args)
