"""Training on Keras beside training on PyTorch: the same loop, the same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trimaran.data.batches import Affine, Rows
from trimaran.errors import RunError, TrainingError
from trimaran.spec import Input, Model, functional, sequential
from trimaran.spec import layers as L
from trimaran.steps.implementation import implementation
from trimaran.tasks.loss import Loss, Objective
from trimaran.training.checkpoint import Place
from trimaran.training.events import Epoch, Event, Health, Saved
from trimaran.training.execution import Execution
from trimaran.training.settings import Training
from trimaran.weights import draw

OBJECTIVE = Objective({"output": Loss("sparse_categorical_crossentropy")})
EXECUTION = Execution(threads=1)


def network(dropout: float = 0.0) -> Model:
    """Smooth, so that rounding stays rounding; with all that a resume must keep."""
    return sequential(
        [
            # Without a bias: before a normalization its gradient is nothing but rounding.
            L.Conv2D(4, 3, padding=1, use_bias=False, name="conv"),
            L.BatchNormalization(0.9, name="norm"),
            L.Activation("tanh", name="tanh"),
            L.AveragePooling2D(2, name="pool"),
            L.Flatten(name="flat"),
            L.Dropout(dropout, name="drop"),
            L.Dense(3, name="out"),
            L.Activation("softmax", name="head"),
        ],
        (6, 6, 2),
        "small",
    )


def rows(n: int, seed: int, weights: bool = False) -> Rows:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    images = rng.integers(0, 90, (n, 6, 6, 2)).astype(np.uint8)
    images[np.arange(n), labels * 2] += 120
    affine = {"input": Affine((1 / 255, 2 / 255), (-0.5, -0.25))}
    sample = rng.random(n).astype(np.float32) if weights else None
    return Rows({"input": images}, {"output": labels}, sample, np.arange(n), affine)


SPLITS = {"train": rows(70, 0), "validation": rows(30, 1)}


def trained(
    backend: str,
    settings: Mapping[str, Any],
    splits: Mapping[str, Rows] = SPLITS,
    place: Place | None = None,
    model: Model | None = None,
    execution: Execution = EXECUTION,
) -> tuple[dict[str, np.ndarray], list[Event]]:
    """The weights after training, and what happened."""
    found, model = implementation(backend), model or network()
    training = Training.from_json({"epochs": 3, "batch_size": 16, **settings})
    module = found.module(model, draw(model, 0), execution.precision)
    events = list(found.fit(module, OBJECTIVE, splits, training, execution, place))
    return found.arrays(module), events


SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "accumulated": {"accumulate": 3, "batch_size": 8},
    "averaged": {"ema": 0.9},
    "weighed": {"class_weights": "balanced", "label_smoothing": 0.1},
    "clipped": {"clip_norm": 0.5, "clip_value": 0.1, "optimizer": "sgd"},
    "frozen": {"freeze": ["conv", "norm"]},
    "scheduled": {"schedule": {"name": "one-cycle", "warm_up": 3}, "optimizer": "nadam"},
    "augmented": {"augment": {"flip": True, "crop": 1, "brightness": 0.1}},
    "stopped early": {"early_stopping": {"patience": 1}, "epochs": 8, "optimizer": "rmsprop"},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_it_trains_as_pytorch_does(framework: str, name: str) -> None:
    settings = SETTINGS[name]
    (a, one), (b, two) = (trained(backend, settings) for backend in ("torch", framework))
    assert list(a) == list(b)
    for key, values in a.items():
        np.testing.assert_allclose(b[key], values, rtol=2e-4, atol=2e-5, err_msg=key)
    for mine, other in zip(epochs(one), epochs(two), strict=True):
        assert other.metrics == pytest.approx(mine.metrics, rel=1e-3, abs=1e-4)


def reader() -> Model:
    """Of padded texts; smooth, so that rounding stays rounding."""
    words = Input((None,), dtype="int32")
    x = L.Embedding(12, 4, mask_zero=True, name="embedding")(words)
    x = L.GlobalAveragePooling1D(name="mean")(L.LSTM(5, return_sequences=True, name="lstm")(x))
    return functional(words, L.Activation("softmax")(L.Dense(3, name="out")(x)), "reader")


def texts(n: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    lengths, labels = rng.integers(1, 17, n), rng.integers(0, 3, n)
    words = rng.integers(1 + 3 * labels[:, None], 6 + 3 * labels[:, None], (n, 16))
    words = np.where(np.arange(16) < lengths[:, None], words, 0).astype(np.int32)
    padded = {"input": lengths}
    return Rows({"input": words}, {"output": labels}, None, np.arange(n), lengths=padded)


def test_padded_rows_are_cut_and_learned_alike(framework: str) -> None:
    splits = {"train": texts(70, 0), "validation": texts(30, 1)}
    (a, one), (b, two) = (
        trained(backend, {}, splits, model=reader()) for backend in ("torch", framework)
    )
    for key, values in a.items():
        np.testing.assert_allclose(b[key], values, rtol=2e-4, atol=2e-5, err_msg=key)
    for mine, other in zip(epochs(one), epochs(two), strict=True):
        assert other.metrics == pytest.approx(mine.metrics, rel=1e-3, abs=1e-4)


def epochs(events: list[Event]) -> list[Epoch]:
    return [event for event in events if isinstance(event, Epoch)]


def test_sample_weights_weigh_alike(framework: str) -> None:
    splits = {"train": rows(70, 0, weights=True), "validation": rows(30, 1, weights=True)}
    for settings in ({}, {"accumulate": 2}):
        a, b = (trained(backend, settings, splits)[0] for backend in ("torch", framework))
        for key, values in a.items():
            np.testing.assert_allclose(b[key], values, rtol=2e-4, atol=2e-5, err_msg=key)


@pytest.mark.parametrize(
    ("settings", "threads"),
    [
        (SETTINGS["plain"], 2),
        (SETTINGS["accumulated"], 2),
        (SETTINGS["weighed"] | SETTINGS["averaged"], 2),
        ({"batch_size": 15}, 2),  # one device takes them all
    ],
    ids=["plain", "accumulated", "weighed", "uneven"],
)
def test_threads_that_share_the_rows_of_a_convolution_change_nothing(
    framework: str, settings: dict[str, Any], threads: int
) -> None:
    """The last batch is a short one, whose rows cannot be shared out evenly."""
    splits = {"train": rows(71, 0, weights=True), "validation": rows(30, 1)}
    (a, one), (b, two) = (
        trained(framework, settings, splits, execution=Execution(precision="float64", threads=n))
        for n in (1, threads)
    )
    for key, values in a.items():
        np.testing.assert_allclose(b[key], values, rtol=1e-9, atol=1e-12, err_msg=key)
    for mine, other in zip(epochs(one), epochs(two), strict=True):
        assert other.metrics == pytest.approx(mine.metrics, rel=1e-9, abs=1e-12)


def test_health_is_that_of_pytorch(framework: str) -> None:
    a, b = (trained(backend, {"epochs": 1})[1] for backend in ("torch", framework))
    one, two = (next(e for e in found if isinstance(e, Health)).layers for found in (a, b))
    for mine, other in zip(one, two, strict=True):
        assert (other.layer, other.size) == (mine.layer, mine.size)
        assert other.gradient == pytest.approx(mine.gradient, rel=1e-3)
        assert other.update == pytest.approx(mine.update, rel=1e-3)
        assert other.saturated == pytest.approx(mine.saturated, abs=1e-3)


STATEFUL = {
    "ema": 0.9, "accumulate": 2, "batch_size": 8, "checkpoint_seconds": None,
    "checkpoint_epochs": 1, "early_stopping": {"patience": 9}, "augment": {"flip": True},
}  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "threads"),
    [(STATEFUL, 1), ({"checkpoint_epochs": 1}, 1), (STATEFUL, 2)],
    ids=["all", "plain", "two threads"],
)
def test_a_resumed_run_gives_the_same_bytes(
    framework: str, tmp_path: Path, settings: dict[str, Any], threads: int
) -> None:
    """With dropout, averages, accumulation, augmentation: cut off after each checkpoint."""
    model, execution = network(dropout=0.3), Execution(threads=threads)
    whole, _ = trained(framework, settings, model=model, execution=execution)
    found = implementation(framework)
    training = Training.from_json({"epochs": 3, "batch_size": 16, **settings})
    for resumes in (False, True):
        module = found.module(model, draw(model, 0))
        place = Place(tmp_path, resume=resumes)
        for event in found.fit(module, OBJECTIVE, SPLITS, training, execution, place):
            if isinstance(event, Saved):
                break
    place = Place(tmp_path, resume=True)
    again, _ = trained(framework, settings, place=place, model=model, execution=execution)
    for key, values in whole.items():
        assert values.tobytes() == again[key].tobytes(), key


def test_lost_seeds_of_dropout_would_change_the_bytes(
    framework: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oracle of the test above sees a lost piece of state."""
    from trimaran.training import loop

    model = network(dropout=0.3)
    whole, _ = trained(framework, {}, model=model)
    monkeypatch.setattr(loop, "batch_seed", lambda run, batch: 0)
    other, _ = trained(framework, {}, model=model)
    assert any(values.tobytes() != other[key].tobytes() for key, values in whole.items())


def test_trouble_is_told_in_one_sentence(framework: str) -> None:
    bad = rows(40, 0)
    floats = bad.floats("input")
    floats[7, 0, 0, 0] = np.nan
    splits = {"train": Rows({"input": floats}, bad.targets, None, bad.ids)}
    with pytest.raises(TrainingError, match="Row 7 holds a value that is not finite"):
        trained(framework, {"shuffle": False}, splits)
    with pytest.raises(TrainingError, match="'cnv'.*did you mean 'conv'"):
        trained(framework, {"freeze": ["cnv"]})
    with pytest.raises(TrainingError, match="No weight is left"):
        trained(framework, {"freeze": ["*"]})


def test_a_worker_that_dies_is_told_with_its_last_words(framework: str) -> None:
    from trimaran.backends.keras.process import hire

    worker = hire(framework, "float32", 1)
    worker._process.kill()
    worker._process.wait()
    with pytest.raises(RunError, match="ended unexpectedly"):
        worker.call("drain", {"number": 0})
    assert hire(framework, "float32", 1) is not worker


def test_what_is_missing_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    from trimaran.backends.keras import process

    monkeypatch.setattr(process, "find_spec", lambda name: None)
    with pytest.raises(RunError, match=r"needs keras and jax.*pip install \"trimaran\[keras\]\""):
        implementation.__wrapped__("jax")
