"""Trimaran: a whole run as `trimaran train` does it, to the scores and the report.

It hears the run's events only to note when an epoch ended.
"""

import argparse
import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import networks
import rows

from trimaran.version import VERSION

PACKAGES = {"torch": "torch", "tensorflow": "tensorflow-cpu", "jax": "jax"}


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
    parser.add_argument("network", choices=networks.NETWORKS)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", help="for the peers; Trimaran makes this split itself")
    parser.add_argument("--text", help="the text that charlstm and gpt continue")
    parser.add_argument("--dropout", type=float, default=0.0, help="of gpt")
    parser.add_argument("--limit", type=int, default=0, help="rows in all; 0 takes every row")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--compile", action="store_true", help="by torch.compile")
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", help="for the peers; Trimaran keeps such data in memory")
    return parser.parse_args()


def settings(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The recipe's values."""
    threads = os.environ.get("OMP_NUM_THREADS")
    return {
        "name": options.network,
        "backend": options.backend,
        "task": "language" if options.text else "classify",
        "data": data(options),
        "model": networks.chosen(options.network, folder, options.rows, options.dropout),
        "training": {
            "optimizer": {"name": "adam", "learning_rate": 1e-3},
            "epochs": options.epochs,
            "batch_size": options.batch,
            "seed": options.seed,
            "precision": options.precision,
            "device": options.device,
            "compile": "on" if options.compile else "auto",
            "threads": int(threads) if threads else "auto",
        },
    }


def data(options: argparse.Namespace) -> dict[str, Any]:
    """The recipe's `data:`."""
    length = rows.LENGTHS.get(options.network)
    if options.text:
        return rows.text_settings(options.text, length)
    name = {"resnet18": "cifar10", "text": "imdb"}.get(options.network, "mnist")
    return {
        "set": name,
        "validation": 0.2,
        **({"length": length} if length else {}),
        **({"limit": options.limit} if options.limit else {}),
    }


def apart(backend: str) -> dict[str, float]:
    """What it cost that Keras computes in a process of its own; nothing for PyTorch."""
    if backend == "torch":
        return {}
    from trimaran.backends.keras import process

    (spent,) = process.spent()
    return asdict(spent)


def main() -> None:
    from trimaran import recipe
    from trimaran.steps.rooms import head_start

    options, times = arguments(), Times()
    with tempfile.TemporaryDirectory(prefix="trimaran-benchmark-") as folder:
        chosen = recipe.load(settings(options, Path(folder)))
        head_start(chosen.backend)
        from trimaran import workflow

        workflow.run(chosen, workflow.Options(out=Path(folder) / "run", tell=times))
    answer = {
        "epochs": times.epochs,
        "parameters": times.parameters,
        "versions": {"trimaran": VERSION, options.backend: version(PACKAGES[options.backend])},
        "precision": times.precision,
        "apart": apart(options.backend),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
