"""What it gives a GPU to replay a batch's recorded calls: images/s of the whole training loop.

Made-up pictures, resident; the better of epochs 2 and 3, in the order of the table, one run each.

    python benchmarks/replay.py
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from trimaran import zoo
from trimaran.backends.torch.build import module
from trimaran.backends.torch.loop import fit
from trimaran.data.batches import Affine, Rows
from trimaran.spec import Model
from trimaran.tasks.loss import Loss, Objective
from trimaran.training.events import Epoch
from trimaran.training.execution import Execution
from trimaran.training.settings import Training
from trimaran.weights import draw

OBJECTIVE = Objective({"output": Loss("sparse_categorical_crossentropy")})
CASES = (  # network, batch, pictures
    ("mnist-cnn", 128, 48_000),
    ("mnist-cnn", 1024, 48_000),
    ("cifar10-cnn", 128, 45_000),
    ("resnet18", 128, 12_800),
)


def pictures(model: Model, count: int, seed: int) -> Rows:
    shape, rng = model.inputs[0].shape, np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, *shape)).astype(np.uint8)
    affine = {"input": Affine((1 / 255,) * shape[-1], (0.0,) * shape[-1])}
    targets = {"output": rng.integers(0, 10, count)}
    return Rows({"input": images}, targets, None, np.arange(count), affine)


def pace(name: str, batch: int, count: int, execution: Execution) -> float:
    """Images per second in the better of epochs 2 and 3."""
    model = zoo.build(name, (32, 32, 3) if name == "resnet18" else None)
    splits = {"train": pictures(model, count, 0)}
    training = Training(epochs=3, batch_size=batch)
    events = fit(module(model, draw(model, 0)), OBJECTIVE, splits, training, execution)
    return max([e.examples_per_second for e in events if isinstance(e, Epoch)][1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--divide", type=int, default=1, help="take so many times fewer pictures")
    options = parser.parse_args()
    print(f"{'network':12} {'batch':>5} {'precision':9} {'call by call':>12} {'replayed':>9}")
    for name, batch, count in CASES:
        for precision in ("bfloat16", "float32"):
            called = Execution("cuda", precision)
            both = (called, replace(called, replay=True))
            first, second = (pace(name, batch, count // options.divide, each) for each in both)
            print(f"{name:12} {batch:5} {precision:9} {first:12,.0f} {second:9,.0f}", flush=True)


if __name__ == "__main__":
    main()
