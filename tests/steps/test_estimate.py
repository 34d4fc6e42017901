"""The estimate before a run: in proportion to the work, from this machine's speed."""

from __future__ import annotations

import pytest

from trimaran import zoo
from trimaran.steps import estimate
from trimaran.steps.estimate import FIRST_SECONDS, Load

MODEL = zoo.build("mnist-cnn")


def test_time_grows_with_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "peak_flops", lambda: 1e11)
    one = estimate.seconds(MODEL, Load(1000, 0, 128), "float32", 1) - FIRST_SECONDS
    ten = estimate.seconds(MODEL, Load(10_000, 0, 128), "float32", 1) - FIRST_SECONDS
    assert ten == pytest.approx(10 * one)
    assert estimate.seconds(MODEL, Load(10_000, 0, 128), "float32", 2) < ten + FIRST_SECONDS
    assert estimate.seconds(MODEL, Load(10_000, 0, 128), "bfloat16", 1) < ten + FIRST_SECONDS
    assert estimate.seconds(MODEL, Load(10_000, 5000, 128), "float32", 1) > ten + FIRST_SECONDS


def test_the_arithmetic_is_that_of_three_forward_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "peak_flops", lambda: 1e9)
    monkeypatch.setattr(estimate, "CALL_SECONDS", 0.0)
    found = estimate.seconds(MODEL, Load(100, 0, 100), "float32", 1) - FIRST_SECONDS
    assert found == pytest.approx(3 * MODEL.flops * 100 / (0.4 * 1e9))


def test_a_core_multiplies_between_one_and_a_thousand_gigaflops() -> None:
    assert 1e9 < estimate.peak_flops() < 1e12


def test_memory_holds_data_weights_slots_and_activations() -> None:
    base = estimate.memory(MODEL, 0, 128, 0)
    assert estimate.memory(MODEL, 1000, 128, 0) - base == 1000
    assert estimate.memory(MODEL, 0, 128, 2) - base == 2 * 4 * MODEL.size
    assert estimate.memory(MODEL, 0, 129, 0) - base == 2 * MODEL.activation_bytes
