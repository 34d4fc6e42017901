"""How well a language model with attention goes on beyond its context, where each step takes the
place of the oldest among its keys and values, beside the same model that reads its whole context
again for each token.

Nats per token on pieces of the last tenth of a text, which is what a run holds back for its test,
and the mean difference over the pieces with its 95 % interval by their deviation.

    python benchmarks/long_texts.py runs/gpt --text shakespeare.txt --pieces 32 --length 640
"""

import argparse
from pathlib import Path

import numpy as np

from trimaran.backends.protocol import Network
from trimaran.data.preprocess import INPUT, OUTPUT
from trimaran.handle import Run
from trimaran.steps.generation import Writer
from trimaran.steps.implementation import implementation

EACH = 16
"""One token in so many is scored behind its whole context too, which is the slow part."""


def main() -> None:
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("run", type=Path)
    parser.add_argument("--text", type=Path, required=True, help="of which the last tenth is read")
    parser.add_argument("--pieces", type=int, default=32)
    parser.add_argument("--length", type=int, default=640)
    options = parser.parse_args()
    run = Run(options.run)
    writer, window = Writer(run), run.preprocess.inputs[INPUT].shape[0]
    if options.length <= window or options.pieces < 2:
        parser.error(f"it takes 2 pieces or more, each longer than the context of {window}")
    text = options.text.read_text()
    tokens = np.asarray(writer.tokenizer.encode(text[-len(text) // 10 :]))
    starts = np.linspace(0, len(tokens) - options.length - 1, options.pieces).astype(int)
    pieces = np.stack([tokens[i : i + options.length + 1] for i in starts])
    places = np.arange(window, options.length, EACH)
    sliding = np.stack([nats_sliding(writer, piece, places) for piece in pieces])
    network = implementation("torch").network(run.model, run.weights)
    windows = [pieces[:, place + 1 - window : place + 2] for place in places]
    whole = np.stack([nats_whole(network, each) for each in windows], axis=1)
    apart = (sliding - whole).mean(axis=1)
    half = 1.96 * apart.std(ddof=1) / len(apart) ** 0.5
    print(f"nats per token: sliding {sliding.mean():.4f}, the whole context {whole.mean():.4f}")
    print(
        f"difference {apart.mean():+.4f} ({apart.mean() - half:+.4f} to {apart.mean() + half:+.4f})"
    )


def nats_sliding(writer: Writer, piece: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Of the tokens behind these places, from one reading of the piece."""
    writer.begin()
    chances = [writer.read([int(token)]) for token in piece[:-1]]
    return np.array([-np.log(chances[place][piece[place + 1]]) for place in places])


def nats_whole(network: Network, windows: np.ndarray) -> np.ndarray:
    """Of each window's last token, from all others in it."""
    given = {INPUT: windows[:, :-1].astype(np.int32)}
    chances = network.forward(given).outputs[OUTPUT][:, -1].astype(np.float64)
    return -np.log(chances[np.arange(len(windows)), windows[:, -1]])


if __name__ == "__main__":
    main()
