"""`trimaran compare`: one thing held against others; each subject explains itself."""

from __future__ import annotations

import argparse

from trimaran.cli.parsing import Parser
from trimaran.cli.subjects import Subjects

SUBJECTS = {
    "frameworks": "one network in PyTorch, TensorFlow and JAX: source, speed, errors, formats",
    "graphs": "one network as eager, compiled and exported graph: same answers? worth it?",
}
VERB = Subjects(
    "compare",
    "Compare, by measurement on this machine.",
    "comparison",
    SUBJECTS,
    "trimaran compare frameworks --model mnist-mlp-128 --data mnist",
    ("trimaran compare graphs mnist-cnn",),
)


def parser() -> Parser:
    """The command line of the verb."""
    return VERB.parser()


def run(args: argparse.Namespace) -> int:
    """Have the subject's module do it."""
    return VERB.run(args)
