"""Writes the rows of Trimaran's own train/validation split, so that the peers train on the same.

MNIST: the row numbers alone, since every contender reads the same idx.gz files. CIFAR-10: the
pictures too, since its files need decoding, which is not what the benchmark compares. IMDB: the
numbers of the words, cut and padded, since making them is not either.
"""

import argparse

import numpy as np

from trimaran.data.prepare import DataSettings, prepare

LENGTH = 200  # words of a review


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("set", choices=["mnist", "cifar10", "imdb"])
    parser.add_argument("out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=0, help="rows in all; 0 takes every row")
    options = parser.parse_args()

    length = {"imdb": LENGTH}.get(options.set)
    limit = options.limit or None
    settings = DataSettings(set=options.set, validation=0.2, limit=limit, length=length)
    splits = prepare(settings, options.seed).splits
    held = {name: splits[name] for name in ("train", "validation")}
    if options.set == "mnist":
        np.savez(options.out, **{name: rows.ids for name, rows in held.items()})
        return
    images = {f"{name}_images": rows.inputs["input"] for name, rows in held.items()}
    labels = {f"{name}_labels": rows.targets["output"] for name, rows in held.items()}
    np.savez(options.out, **images, **labels)


if __name__ == "__main__":
    main()
