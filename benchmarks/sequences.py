"""Sequences: Trimaran beside Keras `fit` on TensorFlow, Lightning and plain PyTorch.

text: a reader of reviews (IMDB), Embedding 20,000 × 128 - LSTM 128 - Dense 1: 2,691,713 parameters,
200 words at most, padded. charlstm: the chapter's model of characters, windows of 100. gpt: six
blocks of 384 features over 256 characters. The same rows for all; Adam at 1e-3. "images/s" in
the table are reviews or windows a second.

    python benchmarks/sequences.py text --rounds 3 --limit 6000
    python benchmarks/sequences.py charlstm --limit 400000
    python benchmarks/sequences.py gpt --batch 16 --limit 60000 --dropout 0.2
    python benchmarks/sequences.py gpt --device cuda --bfloat16 --compiled --limit 1000000
"""

import argparse
import os
from pathlib import Path

import harness
from harness import OURS, PEERS, Contender, torch_peers

LIMITS = {"text": 6000, "charlstm": 400_000, "gpt": 60_000}


def main() -> None:
    parser = harness.arguments(__doc__, batch=64, epochs=2)
    parser.add_argument("network", choices=list(LIMITS))
    parser.add_argument("--limit", type=int, help="reviews or characters in all, test included")
    parser.add_argument("--dropout", type=float, default=0.0, help="of gpt")
    parser.add_argument("--bfloat16", action="store_true", help="PyTorch's too, by autocast")
    parser.add_argument("--compiled", action="store_true", help="both also by torch.compile")
    options = harness.parse(parser)
    options.limit = options.limit or LIMITS[options.network]
    with harness.scratch() as folder:
        contenders = readers if options.network == "text" else writers
        harness.compare(contenders(options, folder), options)


def readers(options: argparse.Namespace, folder: str) -> list[Contender]:
    """Of reviews."""
    rows = harness.prepare_rows("imdb", options, folder, options.limit, "text")
    shared = ("text", *harness.shared(options, rows))
    limit = ("--limit", str(options.limit))
    plain, mixed = PEERS / "text_torch.py", options.bfloat16
    return [
        Contender("Trimaran", OURS, (*shared, *limit)),
        Contender("Trimaran float32", OURS, (*shared, *limit, "--precision", "float32")),
        Contender("Keras-TensorFlow", PEERS / "keras_fit.py", shared),
        Contender("Lightning", PEERS / "text_lightning.py", shared),
        *torch_peers("PyTorch-padded", plain, ("padded", *shared), mixed),
        *torch_peers("PyTorch-packed", plain, ("packed", *shared), mixed),
    ]


def writers(options: argparse.Namespace, folder: str) -> list[Contender]:
    """Of characters."""
    given = Path(os.environ["TRIMARAN_DATA"]) / "tinyshakespeare" / "input.txt"
    text = Path(folder) / "text.txt"
    text.write_text(given.read_text(encoding="utf-8")[: options.limit], encoding="utf-8")
    rows = harness.prepare_rows(str(text), options, folder, network=options.network)
    shared = (options.network, *harness.shared(options, rows), "--dropout", str(options.dropout))
    ours = (*shared, "--text", str(text))
    plain = PEERS / "characters_torch.py"
    mixed = options.bfloat16
    keras = [Contender("Keras-TensorFlow", PEERS / "keras_fit.py", shared)]
    ours_compiled = [Contender("Trimaran compiled", OURS, (*ours, "--compile"))]
    theirs_compiled = torch_peers("PyTorch compiled", plain, (*shared, "--compile"), mixed)
    return [
        Contender("Trimaran", OURS, ours),
        Contender("Trimaran float32", OURS, (*ours, "--precision", "float32")),
        *(ours_compiled if options.compiled else []),
        *(keras if options.network == "charlstm" else []),
        Contender("Lightning", PEERS / "characters_lightning.py", shared),
        *torch_peers("PyTorch", plain, shared, mixed),
        *(theirs_compiled if options.compiled else []),
    ]


if __name__ == "__main__":
    main()
