"""Trimaran: a whole run as `trimaran train` does it, to the scores and the report.

It hears the run's events only to note when an epoch ended.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trimaran.version import VERSION


@dataclass
class Times:
    """Keeps the events that carry figures, and when they came."""

    parameters: int = 0
    precision: str = ""
    epochs: list[dict[str, float]] = field(default_factory=list)

    def __call__(self, event: Any) -> None:
        kind = type(event).__name__
        if kind == "Started":
            self.parameters = event.parameters
            self.precision = event.execution["precision"]
        if kind == "Epoch":
            epoch = {
                "images": event.examples_per_second * event.seconds,
                "train_seconds": event.seconds,
                "val_accuracy": event.metrics["val_accuracy"],
                "ended": time.time(),
            }
            self.epochs.append(epoch)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("network", choices=["cnn", "mlp", "resnet18"])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", help="for the peers; Trimaran makes this split itself")
    parser.add_argument("--limit", type=int, default=0, help="rows in all; 0 takes every row")
    parser.add_argument("--precision", default="auto")
    return parser.parse_args()


def settings(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The recipe's values."""
    threads = os.environ.get("OMP_NUM_THREADS")
    data = {"set": "cifar10" if options.network == "resnet18" else "mnist", "validation": 0.2}
    return {
        "name": options.network,
        "task": "classify",
        "data": data | ({"limit": options.limit} if options.limit else {}),
        "model": model(options.network, folder),
        "training": {
            "optimizer": {"name": "adam", "learning_rate": 1e-3},
            "epochs": options.epochs,
            "batch_size": options.batch,
            "seed": options.seed,
            "precision": options.precision,
            "threads": int(threads) if threads else "auto",
        },
    }


def model(network: str, folder: Path) -> dict[str, str]:
    """The zoo's network, or for the 784-128-10 perceptron a description of our own."""
    if network != "mlp":
        return {"zoo": {"cnn": "mnist-cnn", "resnet18": "resnet18"}[network]}
    from trimaran.spec import sequential, to_json
    from trimaran.spec.layers import Activation, Dense, Flatten

    layers = [Flatten(), Dense(128, activation="relu"), Dense(10), Activation("softmax")]
    path = folder / "mlp.json"
    path.write_text(json.dumps(to_json(sequential(layers, (28, 28, 1), "mlp-128"))))
    return {"spec": str(path)}


def main() -> None:
    from trimaran import recipe, workflow

    options, times = arguments(), Times()
    with tempfile.TemporaryDirectory(prefix="trimaran-benchmark-") as folder:
        chosen = recipe.load(settings(options, Path(folder)))
        workflow.run(chosen, workflow.Options(out=Path(folder) / "run", tell=times))
    answer = {
        "epochs": times.epochs,
        "parameters": times.parameters,
        "versions": {"trimaran": VERSION, "torch": sys.modules["torch"].__version__},
        "precision": times.precision,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
