"""`trimaran generate`: a language model goes on from a prompt."""

from __future__ import annotations

import argparse
import sys

from trimaran.cli.parsing import Parser, add_backend, answer, verb


def parser() -> Parser:
    """The command line of the verb."""
    made = verb(
        "generate",
        "Write text with a language model, as it comes.",
        'trimaran generate latest --prompt "KING:" --length 500 --temperature 0.8 --seed 1',
    )
    made.add_argument("run", nargs="?", default="latest", help="a run (default: latest)")
    made.add_argument("--prompt", default="\n", help="what to go on from (default: a new line)")
    made.add_argument("--length", type=int, default=500, help="tokens to write (default 500)")
    made.add_argument(
        "--temperature", type=float, default=1.0,
        help="below 1 surer, above 1 bolder, 0 always the likeliest (default 1)",
    )  # fmt: skip
    made.add_argument("--top-k", type=int, metavar="K", help="draw among the K likeliest")
    made.add_argument(
        "--top-p", type=float, metavar="P", help="draw among the likeliest that sum up to P"
    )
    made.add_argument("--seed", type=int, default=0, help="the same seed, the same text")
    add_backend(made)
    return made


def run(args: argparse.Namespace) -> int:
    """Write the prompt and what follows."""
    from trimaran import runs
    from trimaran.steps.generation import Sampling, Writer

    found = runs.find(args.run)
    sampling = Sampling(args.temperature, args.top_k, args.top_p, args.seed)
    pieces = Writer(found, args.backend).write(args.prompt, args.length, sampling)
    if args.json:
        text = "".join(pieces)
        value = {"run": str(found.path), "prompt": args.prompt, "text": text, "seed": args.seed}
        return answer(args, value, text)
    print(args.prompt, end="", flush=True)
    for piece in pieces:
        print(piece, end="", flush=True)
    print()
    sys.stdout.flush()
    return 0
