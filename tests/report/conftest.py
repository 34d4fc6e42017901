"""Run folders as training leaves them, made of planted values."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trimaran import zoo
from trimaran.evaluation import (
    score_classes,
    score_values,
    scores_json,
    worst_deviations,
    worst_mistakes,
)
from trimaran.files import write_arrays, write_json
from trimaran.spec import sequential, to_json
from trimaran.spec.layers import Dense
from trimaran.training import events

RECIPE = """task: classify
data:
  set: mnist
  validation: 0.2
model:
  zoo: mnist-cnn
training:
  optimizer: {name: adam, learning_rate: 0.001}
  epochs: 5
  batch_size: 64
  seed: 0
backend: torch
"""
SOURCE = """import torch
from torch import nn


class MnistCNN(nn.Module):
    \"\"\"Generated; <edit> the description & emit again.\"\"\"
"""


def digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Drawn strokes that look a little like digits: (count, 28, 28, 1) bytes and labels."""
    random = np.random.default_rng(5)
    label = random.integers(0, 10, count)
    y, x = np.mgrid[0:28, 0:28]
    images = np.zeros((count, 28, 28, 1))
    for i, name in enumerate(label):
        angle = np.linspace(0, 2 * np.pi * (0.35 + 0.07 * name), 40) + name
        radius = 8 * np.cos((1 + name % 3) * angle / 2)
        for a, r in zip(angle, radius, strict=True):
            cx, cy = 14 + r * np.cos(a), 14 + r * np.sin(a)
            images[i, ..., 0] += np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 2.2)
    return (255 * np.clip(images, 0, 1)).astype(np.uint8), label


def answers(label: np.ndarray, classes: int, sharp: float) -> np.ndarray:
    random = np.random.default_rng(1)
    raw = random.normal(size=(len(label), classes)) * 2 + sharp * np.eye(classes)[label]
    return (np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)).astype(np.float32)


def write_events(path: Path, epochs: int, measure: str = "accuracy") -> None:
    random = np.random.default_rng(0)
    log = [events.Started(0, epochs * 750, epochs, 48_000, 225_034, {"device": "cpu"})]
    log.append(events.Notice("48,000 images fit in memory & stay there."))
    for number in range(1, epochs + 1):
        loss = 0.42 * np.exp(-0.7 * number) + 0.012
        held = 0.3 * np.exp(-0.8 * number) + 0.035 + 0.002 * number
        layers = [
            {"layer": name, "gradient": size * float(np.exp(-0.4 * number + random.normal() / 5)),
             "size": 900, "update": 0.002, "dead": dead, "saturated": None}
            for name, size, dead in (("conv1", 0.02, 0.06), ("conv2", 0.01, 0.61),
                                     ("dense1", 0.004, 0.1), ("dense2", 0.03, None))
        ]  # fmt: skip
        found = [] if number < epochs else [
            {"layer": "conv2", "what": "dead", "text": "61 % of conv2's units answer 0 to all.",
             "remedy": "Lower the learning rate or use leaky_relu."}
        ]  # fmt: skip
        log.append({"kind": "Health", "step": number * 750, "layers": layers, "diagnoses": found})
        metrics = {measure: 1 - loss / 3, "val_loss": held, f"val_{measure}": 1 - held / 3}
        log.append(
            events.Epoch(
                number, number * 750, loss, metrics, 1e-3 * 0.6**number, 4.2, 11_400.0 + number
            )
        )
    log.append(events.Stopped("early stopping", epochs * 750, (epochs - 1) * 750))
    rows = [event if isinstance(event, dict) else events.to_json(event) for event in log]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


ENVIRONMENT = {
    "trimaran": "0.1.0", "python": "3.11.7", "platform": "Linux-6.8-x86_64",
    "packages": {"torch": "2.13.0", "numpy": "2.4.6"}, "cpu": {"model": "Xeon", "cores": 2,
    "features": ["avx512f", "amx_bf16"]}, "memory_bytes": 16_000_000_000, "git": None,
    "execution": {"device": "cpu", "precision": "bfloat16", "threads": 2},
}  # fmt: skip


@pytest.fixture(scope="session")
def image_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run of mnist-cnn."""
    path = tmp_path_factory.mktemp("runs") / "2026-11-22-mnist-cnn-1"
    path.mkdir()
    classes = tuple("0123456789")
    images, label = digits(4000)
    held = answers(label, 10, 7.5)
    (path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    (path / "model.json").write_text(json.dumps(to_json(zoo.build("mnist-cnn"))))
    (path / "model_torch.py").write_text(SOURCE, encoding="utf-8")
    write_events(path / "events.jsonl", 5)
    scores = {
        "test": score_classes(label, held, classes),
        "validation": score_classes(label[:1500], answers(label[:1500], 10, 7.3), classes),
    }
    (path / "scores.json").write_text(scores_json(scores))
    worst = worst_mistakes(label, held, classes, count=18)
    (path / "artifacts").mkdir()
    rows = [mistake.to_json() for mistake in worst]
    write_json(path / "artifacts" / "worst.json", {"split": "test", "rows": rows})
    pictures = images[[mistake.row for mistake in worst]]
    write_arrays(path / "artifacts" / "worst.npz", {"images": pictures})
    random = np.random.default_rng(0)
    picture = images[3].astype(np.float32)
    small = picture[1:27, 1:27] + np.roll(picture, 3, 0)[1:27, 1:27] * random.normal(size=32)
    maps = {"conv1": small, "conv2": small[::2, ::2, :1] + random.normal(size=(13, 13, 64)) * 40}
    write_arrays(path / "artifacts" / "features.npz", {"input": images[3], **maps})
    rows = {name: dict(zip(classes, [600 + 17 * i for i in range(10)], strict=True)) for name in
            ("train", "validation", "test")}  # fmt: skip
    data = {"name": "mnist", "facts": {"rows": {"train": 48_000, "validation": 12_000,
            "test": 10_000}, "classes": rows, "origin": "yann.lecun.com/exdb/mnist",
            "duplicates": [{"first": "train", "second": "test", "rows": 7531, "conflicts": 0,
                            "examples": [[3, 4]]}], "digest": "ab" * 32},
            "notices": ["No row of one split stands in another."]}  # fmt: skip
    (path / "data.json").write_text(json.dumps(data))
    (path / "environment.json").write_text(json.dumps(ENVIRONMENT))
    return path


@pytest.fixture(scope="session")
def value_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A regression on a table, with a small dense net and no pictures."""
    path = tmp_path_factory.mktemp("runs") / "houses"
    path.mkdir()
    model = sequential([Dense(4, activation="relu"), Dense(2)], (3,), "houses")
    (path / "model.json").write_text(json.dumps(to_json(model)))
    (path / "recipe.yaml").write_text("task: regress\ndata: {file: houses.csv}\n")
    (path / "environment.json").write_text(json.dumps(ENVIRONMENT))
    write_events(path / "events.jsonl", 12, "r2")
    random = np.random.default_rng(0)
    true = random.normal(size=(300, 2)) * 40 + 200
    guess = true + random.normal(size=true.shape) * 9
    outputs = ("price", "rent")
    scores = {"validation": score_values(true, guess, outputs)}
    (path / "scores.json").write_text(scores_json(scores))
    worst = worst_deviations(true, guess, count=8)
    columns = {"rooms": 3.25, "town": "<b>Ulm</b>"} | {f"x{i}": i for i in range(20)}
    rows = [row.to_json() | {"features": columns} for row in worst]
    (path / "artifacts").mkdir()
    write_json(path / "artifacts" / "worst.json", {"split": "validation", "rows": rows})
    return path


@pytest.fixture
def empty_run(tmp_path: Path) -> Path:
    path = tmp_path / "bare"
    path.mkdir()
    return path


@pytest.fixture(scope="session")
def small_runs(image_run: Path, value_run: Path) -> Callable[[str], Path]:
    return {"image": image_run, "value": value_run}.__getitem__
