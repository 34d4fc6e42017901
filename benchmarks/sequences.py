"""A reader of texts on IMDB: Trimaran, Keras `fit` on TensorFlow, Lightning and plain PyTorch.

Embedding 20,000 × 128 - LSTM 128 - Dense 1: 2,691,713 parameters, reviews of 200 words at most,
padded; the same rows for all; Adam at 1e-3. "images/s" in the table are reviews a second.

    python benchmarks/sequences.py --rounds 3 --limit 6000
"""

import harness
from harness import OURS, PEERS, Contender


def main() -> None:
    parser = harness.arguments(__doc__, batch=64, epochs=2)
    parser.add_argument("--limit", type=int, default=6000, help="rows in all, test rows included")
    options = harness.parse(parser)
    with harness.scratch() as folder:
        rows = harness.prepare_rows("imdb", options, folder, options.limit)
        shared = ("text", *harness.shared(options, rows))
        limit = ("--limit", str(options.limit))
        plain = PEERS / "text_torch.py"
        contenders = [
            Contender("Trimaran", OURS, (*shared, *limit)),
            Contender("Trimaran float32", OURS, (*shared, *limit, "--precision", "float32")),
            Contender("Keras-TensorFlow", PEERS / "keras_fit.py", shared),
            Contender("Lightning", PEERS / "text_lightning.py", shared),
            Contender("PyTorch-padded", plain, ("padded", *shared)),
            Contender("PyTorch-packed", plain, ("packed", *shared)),
        ]
        harness.compare(contenders, options)


if __name__ == "__main__":
    main()
