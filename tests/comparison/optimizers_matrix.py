"""Every optimizer on every backend: python -m tests.comparison.optimizers_matrix.

Each cell is a run of its own: 200 updates in float64 by the product's own loop, from the same
weights over the same batches, freely (nothing is put right on the way), with a score after every
twenty. It holds the largest relative deviation from PyTorch of any weight at the end, and of any
epoch's loss, over the other backends. The table is Markdown; a cell beyond 1e-10 makes the exit
status 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from trimaran.comparison.deviation import relative
from trimaran.comparison.runner import copied
from trimaran.data.batches import Rows
from trimaran.spec import Model, sequential
from trimaran.spec import layers as L
from trimaran.steps.implementation import implementation
from trimaran.tasks.loss import Loss, Objective
from trimaran.training.events import Epoch
from trimaran.training.execution import Execution
from trimaran.training.loop import fit
from trimaran.training.objectives import objectives
from trimaran.training.schedules import SCHEDULES
from trimaran.training.settings import Training
from trimaran.weights import draw

TOLERANCE = 1e-10
BATCHES, BATCH = 20, 8

Settings = Mapping[str, Any]

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"name": "sgd", "learning_rate": 0.1},
    "SGD, momentum": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9},
    "SGD, Nesterov": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
    "Adam": {"name": "adam"},
    "AdamW": {"name": "adamw"},
    "Adam, AMSGrad": {"name": "adam", "amsgrad": True},
    "RMSProp": {"name": "rmsprop"},
    "RMSProp, centered, momentum": {"name": "rmsprop", "centered": True, "momentum": 0.9},
    "Adagrad": {"name": "adagrad", "learning_rate": 0.05},
    "Adadelta": {"name": "adadelta", "learning_rate": 1.0},
    "NAdam": {"name": "nadam"},
    "Adamax": {"name": "adamax"},
    "Lion": {"name": "lion", "learning_rate": 1e-4},
    "Muon": {"name": "muon"},
}
"""Each at a rate at which it learns this problem. (AdamW and Muon decay by default.)"""

CLIPS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "clip by value": {"clip_value": 0.02},
    "clip by norm": {"clip_norm": 0.1},
}

SHORT: dict[str, dict[str, Any]] = {
    "step": {"epochs": 2, "gamma": 0.5},
    "plateau": {"patience": 1, "gamma": 0.5, "min_delta": 0.05},
}
"""What a schedule needs to do something within ten epochs."""


Blocks = dict[str, dict[str, Any]]
"""Training blocks by column."""


def groups(chosen: Settings, epochs: int) -> Iterator[Blocks]:
    """The columns of an optimizer, those together that one engine can serve."""
    base = {"optimizer": chosen, "epochs": epochs, "batch_size": BATCH}
    for column, more in CLIPS.items():
        yield {column: {**base, **more}}
    yield {"weight decay": {**base, "optimizer": {**chosen, "weight_decay": 0.1}}}
    schedules = {
        name: {"name": name, "warm_up": 5, **SHORT.get(name, {})}
        for name in SCHEDULES if name != "constant"
    }  # fmt: skip
    yield {name: {**base, "schedule": schedule} for name, schedule in schedules.items()}


def network() -> Model:
    """Smooth, so that nothing but an optimizer can tear a run apart, with matrices both wider and
    taller than square."""
    return sequential(
        [
            L.Dense(16, name="wide"), L.Activation("tanh", name="tanh1"),
            L.Dense(6, name="tall"), L.Activation("gelu", name="gelu1"),
            L.Dense(4, name="out"), L.Activation("softmax", name="head"),
        ],
        (10,), "optimized",
    )  # fmt: skip


def convolutional() -> Model:
    """The same question with a kernel, whose layout differs between the backends."""
    return sequential(
        [
            L.Conv2D(5, 3, padding=1, use_bias=False, name="conv"),
            L.BatchNormalization(0.9, name="norm"), L.Activation("tanh", name="tanh1"),
            L.AveragePooling2D(2, name="pool"), L.Flatten(name="flat"),
            L.Dense(4, name="out"), L.Activation("softmax", name="head"),
        ],
        (6, 4, 3), "convolved",
    )  # fmt: skip


def rows(model: Model, count: int, seed: int) -> Rows:
    """Four classes that a network can learn, some of them wrong."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count)
    values = rng.normal(size=(count, *(n or 1 for n in model.inputs[0].shape)))
    values.reshape(count, -1)[np.arange(count), labels] += 2.0
    return Rows({"input": values}, {"output": labels}, None, np.arange(count))


Found = dict[str, np.ndarray]


def trained(backend: str, model: Model, blocks: Blocks) -> dict[str, Found]:
    """By column: the weights after training, and each epoch's losses under "epoch/N/name".

    The blocks may differ in what an engine is not told: their schedules.
    """
    found = implementation(backend)
    start = {
        key: v.astype(np.float64) if v.dtype.kind == "f" else v for key, v in draw(model, 0).items()
    }
    splits = {"train": rows(model, BATCHES * BATCH, 0), "validation": rows(model, 40, 1)}
    objective = Objective({"output": Loss("sparse_categorical_crossentropy").on("softmax")})
    execution = Execution(precision="float64", threads=1)
    settings = {column: Training.from_json(block) for column, block in blocks.items()}
    first = next(iter(settings.values()))
    both = objectives(objective, first, splits["train"])
    module = found.module(model, start, "float64")
    made: dict[str, Found] = {}
    with found.engine(module, both, splits, first, execution) as engine:
        state = copied(engine.state())
        for column, training in settings.items():
            engine.restore(state, 0)
            again = nullcontext(engine)
            events = fit(lambda o, e, a=again: a, objective, splits, training, execution)
            epochs = [event for event in events if isinstance(event, Epoch)]
            made[column] = copied({"": engine.weights()})[""] | losses(epochs)
    return made


def losses(epochs: Sequence[Epoch]) -> Found:
    """Of training and of validation."""
    return {
        f"epoch/{event.epoch}/{name}": np.array(value)
        for event in epochs
        for name, value in event.metrics.items()
        if name.endswith("loss")
    }


def apart(model: Model, blocks: Blocks, backends: Sequence[str]) -> dict[str, float]:
    """By column, the largest relative deviation of any backend from the first one."""
    truth, *others = (trained(name, model, blocks) for name in backends)
    return {
        column: max(relative(other[column][key], a) for other in others for key, a in own.items())
        for column, own in truth.items()
    }


def climb(
    backends: Sequence[str], epochs: int, chosen_rows: Sequence[str]
) -> Iterator[tuple[str, str, float]]:
    """(row, column, deviation) of every cell."""
    for row in chosen_rows:
        chosen = OPTIMIZERS[row]
        for blocks in groups(chosen, epochs):
            for column, value in apart(network(), blocks, backends).items():
                yield row, column, value
        block = {"optimizer": chosen, "epochs": epochs, "batch_size": BATCH}
        found = apart(convolutional(), {"convolution": block}, backends)
        yield row, "convolution", found["convolution"]


def main() -> int:
    """Run every cell, print the table, and leave 1 where one is beyond the tolerance."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--backends", default="torch,tensorflow,jax")
    parser.add_argument("--epochs", type=int, default=10, help="of 20 updates each")
    parser.add_argument("--row", action="append", choices=list(OPTIMIZERS), help="default: all")
    parser.add_argument("-o", "--output", type=Path, help="write the table here too")
    args = parser.parse_args()
    cells: dict[str, dict[str, float]] = {}
    began = time.monotonic()
    chosen_rows = args.row or list(OPTIMIZERS)
    for row, column, value in climb(args.backends.split(","), args.epochs, chosen_rows):
        cells.setdefault(row, {})[column] = value
        _say(f"{row}, {column}: {value:.1e} ({time.monotonic() - began:.0f} s)")
    text = table(cells)
    print(text)
    if args.output:
        args.output.write_text(text + "\n")
    largest = max(value for found in cells.values() for value in found.values())
    print(f"largest {largest:.1e} of {TOLERANCE:.0e}, {time.monotonic() - began:.0f} s")
    return 0 if largest <= TOLERANCE else 1


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def table(cells: Mapping[str, Mapping[str, float]]) -> str:
    """Markdown: a row an optimizer."""
    columns = list(next(iter(cells.values())))
    lines = [f"| optimizer | {' | '.join(columns)} |", f"|---|{'--:|' * len(columns)}"]
    for row, found in cells.items():
        lines.append(f"| {row} | {' | '.join(f'{found[c]:.0e}' for c in columns)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
