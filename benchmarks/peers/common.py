"""What every contender shares: its arguments, the data, and the clock.  NumPy only.

Each contender is one process that ends by printing one JSON line (`Clock.report`).
"""

import argparse
import gzip
import json
import os
import time
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Settings:
    network: str  # "cnn", "mlp", "resnet18", "text", "charlstm" or "gpt"
    batch: int
    epochs: int
    seed: int
    rows: str  # an .npz file that names the rows (mnist) or holds them (cifar10); see harness.py
    device: str = "cpu"  # or "cuda"
    precision: str = "float32"  # or "bfloat16", mixed
    workers: int = 0  # processes of a DataLoader
    dropout: float = 0.0  # of gpt
    compile: bool = False  # by torch.compile


def settings() -> Settings:
    """Reads the arguments that harness.py passes to each contender."""
    parser = argparse.ArgumentParser()
    parser.add_argument("network")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--compile", action="store_true")
    return Settings(**vars(parser.parse_args()))


def _idx(path: Path, header: int) -> np.ndarray:
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)


def mnist(rows: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Train and validation images (N, 28, 28) float32 in [0, 1] and labels (N,) int64."""
    folder = Path(os.environ["TRIMARAN_DATA"]) / "mnist"
    images = _idx(folder / "train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    labels = _idx(folder / "train-labels-idx1-ubyte.gz", 8).astype(np.int64)
    images = images.astype(np.float32) / 255
    with np.load(rows) as chosen:
        train, held = chosen["train"], chosen["validation"]
    return images[train], labels[train], images[held], labels[held]


def cifar10(rows: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Train and validation images (N, 32, 32, 3) float32 in [0, 1] and labels (N,) int64."""
    a, b, c, d = _saved(rows)
    return a.astype(np.float32) / 255, b, c.astype(np.float32) / 255, d


def tokens(rows: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Train and validation tokens (N, time) int64: a review's words, 0 behind the last one, and
    labels (N,) int64; or a text's characters, and the ones after each (N, time) int64."""
    a, b, c, d = _saved(rows)
    return a.astype(np.int64), b, c.astype(np.int64), d


def characters(rows: str) -> int:
    """How many characters the text's tokens tell apart."""
    with np.load(rows) as saved:
        return int(saved["size"])


def _saved(rows: str) -> list[np.ndarray]:
    names = ("train_images", "train_labels", "validation_images", "validation_labels")
    with np.load(rows) as saved:
        return [saved[name] for name in names]


@dataclass
class Clock:
    """Notes when each epoch's training ended and when its validation ended."""

    images: int  # training images per epoch
    epochs: list[dict[str, float]] = field(default_factory=list)
    _began: float = 0.0
    _trained: float = 0.0

    def begin(self) -> None:
        self._began = time.perf_counter()

    def trained(self) -> None:
        self._trained = time.perf_counter()

    def validated(self, accuracy: float) -> None:
        """Call when the epoch's validation accuracy is known."""
        seconds = self._trained - self._began
        epoch = Epoch(self.images, seconds, float(accuracy), time.time())
        self.epochs.append(asdict(epoch))

    def report(self, parameters: int, packages: tuple[str, ...], precision: str) -> None:
        """Prints the one JSON line that harness.py reads."""
        versions = {name: version(name) for name in packages}
        answer = {
            "epochs": self.epochs,
            "parameters": parameters,
            "versions": versions,
            "precision": precision,
        }
        print(json.dumps(answer), flush=True)


@dataclass(frozen=True)
class Epoch:
    images: int
    train_seconds: float  # without validation
    val_accuracy: float
    ended: float  # seconds since 1970, after validation
