"""The command line: one file per verb, nothing heavy imported before a verb needs it."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module

VERBS = {
    "train": "train a recipe, or a model for your own data",
    "evaluate": "score a run, on its own splits or on other data",
    "predict": "predict files, a folder, a CSV or an .npz with a run",
    "generate": "write text with a language model",
    "explain": "show how a network learns and what it sees",
    "compare": "compare frameworks, or kinds of graph, by measurement",
    "reproduce": "measure what the chapter's tables claim, with a verdict for each claim",
    "parity": "prove that a model is the same network on every backend",
    "convert": "turn your own PyTorch or Keras network into source of the other, proved equal",
    "eject": "write a model as source that imports its framework alone",
    "report": "write a run's report again",
    "show": "list recipes, models and runs, or show one model",
    "doctor": "look at this machine: versions, speed, memory, data",
}
"""Verb → what it does. The module of each is `trimaran.cli.VERB`."""


def main(argv: list[str] | None = None) -> int:
    """Run a verb. Exit status: 0 done, 1 the answer is no, 2 the input is wrong."""
    try:
        status = _answer(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _answer(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0 if words else 2
    if words[0] in ("-V", "--version"):
        from trimaran.version import VERSION

        print(f"trimaran {VERSION}")
        return 0
    if words[0] not in VERBS:
        return _unknown(words[0])
    return _verb(words[0], words[1:])


def overview() -> str:
    """The text of `trimaran --help`."""
    verbs = "\n".join(f"  {name:<10} {about}" for name, about in VERBS.items())
    return (
        "usage: trimaran VERB ...\n\n"
        "Describe a model once, train it fast, own its source.\n\n"
        f"verbs:\n{verbs}\n\n"
        "Start with:  trimaran train mnist-cnn\n"
        "Each verb explains itself:  trimaran train --help"
    )


def _unknown(word: str) -> int:
    from difflib import get_close_matches

    near = get_close_matches(word, VERBS, 1, 0.4)
    hint = f"did you mean {near[0]}?" if near else f"the verbs are {', '.join(VERBS)}."
    print(f"trimaran: there is no verb {word!r}; {hint}", file=sys.stderr)
    return 2


def _verb(name: str, words: list[str]) -> int:
    from trimaran.errors import TrimaranError

    module = import_module(f"trimaran.cli.{name}")
    try:
        return int(module.run(module.parser().parse_intermixed_args(words)))
    except TrimaranError as error:
        print(f"trimaran: {error}", file=sys.stderr)
        if "--json" in words:
            print(json.dumps({"error": str(error)}, ensure_ascii=False))
        return 2
    except KeyboardInterrupt:
        print("\ntrimaran: interrupted; nothing was left half written.", file=sys.stderr)
        return 130
