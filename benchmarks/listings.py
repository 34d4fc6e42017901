"""The chapter's two CharLSTM listings beside Trimaran's entries, on Tiny Shakespeare.

All read the same windows of 128 characters of the same split in as many updates, by Adam at one
rate, and are scored on the same test windows, each from a state of zeros. Each draws its own
initial weights and order. The first listing takes one step, so its training loops over the steps in
Python. Seconds are those of training; those of an entry include its validation.

    python benchmarks/listings.py --stride 256 --epochs 1
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.nn.functional as F
from peers.listings import PRINTED_CELL, PRINTED_LAYER, char_lstm, mended

import trimaran
from trimaran.data.batches import Rows
from trimaran.data.prepare import DataSettings, prepare
from trimaran.data.prepared import Prepared

HIDDEN, LENGTH = 256, 128
DATA = {"set": "tinyshakespeare", "validation": 0.02, "length": LENGTH}
Answer = Callable[[Any, torch.Tensor, int], torch.Tensor]


@dataclass(frozen=True)
class Found:
    """Bits per character on the test windows, and seconds of training."""

    parameters: int
    bits: float
    seconds: float


def by_steps(model: Any, tokens: torch.Tensor, known: int) -> torch.Tensor:
    """The first listing's logits, called for one character after another as it is printed."""
    h = c = torch.zeros(len(tokens), HIDDEN)
    found = []
    for step in tokens.unbind(1):
        logits, (h, c) = model(F.one_hot(step, known).float(), (h, c))
        found.append(logits)
    return torch.stack(found, 1)


def at_once(model: Any, tokens: torch.Tensor, known: int) -> torch.Tensor:
    """The second listing's logits."""
    logits: torch.Tensor = model(tokens)[0]
    return logits


def listing(printed: str, answer: Answer, prepared: Prepared, options: argparse.Namespace) -> Found:
    """Train and score a listing."""
    torch.manual_seed(options.seed)
    splits, known = prepared.splits, prepared.outputs["output"].size
    model = char_lstm(mended(printed))(known, HIDDEN)
    optimizer = torch.optim.Adam(model.parameters(), options.rate)
    start = time.perf_counter()
    for _ in range(options.epochs):
        for batch in torch.randperm(len(splits["train"])).split(options.batch):
            loss = nats(model, answer, splits["train"].take(batch.numpy()), known)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        parts = torch.arange(len(splits["test"])).split(256)
        sums = [
            len(part) * nats(model, answer, splits["test"].take(part.numpy()), known).item()
            for part in parts
        ]
    bits = sum(sums) / len(splits["test"]) / math.log(2)
    return Found(sum(p.numel() for p in model.parameters()), bits, seconds)


def nats(model: Any, answer: Answer, rows: Rows, known: int) -> torch.Tensor:
    """The mean cross-entropy of a batch's characters."""
    logits = answer(model, torch.from_numpy(rows.inputs["input"]).long(), known)
    return F.cross_entropy(logits.flatten(0, 1), torch.from_numpy(rows.targets["output"]).flatten())


def entry(name: str, options: argparse.Namespace) -> Found:
    """Train and score an entry of the zoo, as a user would."""
    training = {
        "optimizer": {"name": "adam", "learning_rate": options.rate},
        "epochs": options.epochs,
        "batch_size": options.batch,
        "seed": options.seed,
        "precision": "float32",
        "threads": torch.get_num_threads(),
    }
    recipe = {
        "task": "language",
        "data": {**DATA, "stride": options.stride},
        "model": {"zoo": name},
        "training": training,
    }
    with TemporaryDirectory() as folder:
        run = trimaran.train(recipe, out=f"{folder}/run", progress=False)
        seconds = sum(event["seconds"] for event in run.events if event["kind"] == "Epoch")
        bits = run.scores["test"]["bits_per_character"]["value"]
        return Found(run.model.size, bits, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stride", type=int, default=LENGTH, help="from one window to the next")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    prepared = prepare(DataSettings(**DATA, stride=options.stride), options.seed)
    updates = options.epochs * -(-len(prepared.splits["train"]) // options.batch)
    print(f"{updates} updates of {options.batch} windows, {torch.get_num_threads()} thread(s)")
    contenders: dict[str, Callable[[], Found]] = {
        "first listing": lambda: listing(PRINTED_CELL, by_steps, prepared, options),
        "charlstm-cell": lambda: entry("charlstm-cell", options),
        "second listing": lambda: listing(PRINTED_LAYER, at_once, prepared, options),
        "charlstm": lambda: entry("charlstm", options),
    }
    for name, measure in contenders.items():
        found = measure()
        print(
            f"{name:14s}  {found.parameters:,} parameters  {found.bits:.3f} bits per character"
            f"  {found.seconds:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
