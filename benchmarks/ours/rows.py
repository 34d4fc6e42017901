"""Writes the rows of Trimaran's own train/validation split, so that the peers train on the same.

MNIST: the row numbers alone, since every contender reads the same idx.gz files. CIFAR-10: the
pictures too, since its files need decoding, which is not what the benchmark compares. IMDB: the
numbers of the words, cut and padded, since making them is not either. A text: its windows.
"""

import argparse
from typing import Any

import numpy as np

LENGTHS = {"text": 200, "charlstm": 100, "gpt": 256}  # tokens of a row, by the network


def main() -> None:
    from trimaran.data.prepare import DataSettings, prepare

    parser = argparse.ArgumentParser()
    parser.add_argument("data", help="mnist, cifar10, imdb, or the file of a text")
    parser.add_argument("out")
    parser.add_argument("--network", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=0, help="rows in all; 0 takes every row")
    options = parser.parse_args()

    length = LENGTHS.get(options.network)
    if options.data.endswith(".txt"):
        settings = DataSettings(**text_settings(options.data, length))
    else:
        limit = options.limit or None
        settings = DataSettings(set=options.data, validation=0.2, limit=limit, length=length)
    prepared = prepare(settings, options.seed)
    held = {name: prepared.splits[name] for name in ("train", "validation")}
    if options.data == "mnist":
        np.savez(options.out, **{name: rows.ids for name, rows in held.items()})
        return
    images = {f"{name}_images": rows.inputs["input"] for name, rows in held.items()}
    labels = {f"{name}_labels": rows.targets["output"] for name, rows in held.items()}
    np.savez(options.out, **images, **labels, size=prepared.outputs["output"].size)


def text_settings(path: str, length: int | None) -> dict[str, Any]:
    """The recipe's `data:` of a text: windows side by side, the last fifth of them validates."""
    return {"path": path, "task": "language", "validation": 0.2, "test": 0.02, "length": length}


if __name__ == "__main__":
    main()
