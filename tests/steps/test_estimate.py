"""The estimate before a run: in proportion to the work, from this machine's speed."""

from __future__ import annotations

import pytest

from trimaran import zoo
from trimaran.steps import estimate
from trimaran.steps.estimate import FIRST_SECONDS, Load
from trimaran.steps.rooms import ROOMS

MODEL = zoo.build("mnist-cnn")


def steady(load: Load, precision: str = "float32", threads: int = 1) -> float:
    """Seconds beyond those of PyTorch's first calls."""
    found = estimate.seconds(MODEL, load, precision, threads, "torch")
    return found - FIRST_SECONDS["torch"]


def test_time_grows_with_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "peak_flops", lambda: 1e11)
    ten = steady(Load(10_000, 0, 128))
    assert ten == pytest.approx(10 * steady(Load(1000, 0, 128)))
    assert steady(Load(10_000, 0, 128), threads=2) < ten
    assert steady(Load(10_000, 0, 128), "bfloat16") < ten
    assert steady(Load(10_000, 5000, 128)) > ten


def test_the_arithmetic_is_that_of_three_forward_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "peak_flops", lambda: 1e9)
    monkeypatch.setattr(estimate, "CALL_SECONDS", 0.0)
    assert steady(Load(100, 0, 100)) == pytest.approx(3 * MODEL.flops * 100 / (0.4 * 1e9))


def test_a_framework_that_is_still_being_imported_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "peak_flops", lambda: 1e11)
    load = Load(1000, 0, 128)
    took = {name: estimate.seconds(MODEL, load, "float32", 1, name) for name in ROOMS}
    assert min(took["tensorflow"], took["jax"]) > took["torch"] + 1


def test_a_core_multiplies_between_one_and_a_thousand_gigaflops() -> None:
    assert 1e9 < estimate.peak_flops() < 1e12


def test_memory_holds_data_weights_slots_and_activations() -> None:
    base = estimate.memory(MODEL, 0, 128, 0)
    assert estimate.memory(MODEL, 1000, 128, 0) - base == 1000
    assert estimate.memory(MODEL, 0, 128, 2) - base == 2 * 4 * MODEL.size
    assert estimate.memory(MODEL, 0, 129, 0) - base == 2 * MODEL.activation_bytes
