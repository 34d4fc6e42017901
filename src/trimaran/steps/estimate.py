"""What a run will take, told before it starts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trimaran.spec import Model

# Of the peak that a short matrix product reaches: what training the zoo's networks reached on the
# machine of docs/results.md. Small networks pay more for each call than for its arithmetic.
EFFICIENCY = {"float32": 0.4, "bfloat16": 0.25}
CALL_SECONDS = 25e-6
"""What a call costs beside its arithmetic."""
FIRST_SECONDS = {"torch": 0.5, "tensorflow": 3.0, "jax": 3.0}
"""By backend: what the first calls cost, traced and compiled, and before them what is left of the
framework's import when the estimate is told (measured with mnist-mlp, as EFFICIENCY)."""
BFLOAT16_PEAK = 6.0
"""bfloat16 tiles against float32 on the same core (AMX, measured)."""
BASE_MEMORY = 450_000_000
"""Python, NumPy and PyTorch before anything is loaded, in bytes."""


@dataclass(frozen=True)
class Plan:
    """A run about to start. `unit` names its rows: images, or rows of a table; `seconds` is None
    where they are not to be told."""

    run: str
    data: str
    rows: Mapping[str, int]
    unit: str
    model: str
    parameters: int
    seconds: float | None
    memory: int
    device: str
    precision: str
    threads: int


@dataclass(frozen=True)
class Load:
    """How much a run asks for: training rows over all epochs, rows scored, and the batch."""

    trained: int
    scored: int
    batch: int


def seconds(model: Model, load: Load, precision: str, threads: int, backend: str) -> float:
    """Seconds to the scores, from the model's operations and this machine's speed.

    A backward pass costs twice the forward pass: gradients of the inputs and of the weights.
    """
    peak = peak_flops() * threads
    fast = peak * (BFLOAT16_PEAK if precision == "bfloat16" else 1.0)
    rows_cost = 3 * model.flops * load.trained / (EFFICIENCY[precision] * fast)
    scored_cost = model.flops * load.scored / (EFFICIENCY["float32"] * peak)
    # Forward, backward and update of each layer are calls with a price of their own.
    calls = 4 * len(model.leaves) * load.trained / load.batch
    return FIRST_SECONDS[backend] + rows_cost + scored_cost + calls * CALL_SECONDS


def peak_flops(size: int = 512, repeats: int = 8) -> float:
    """Operations per second of one core in a float32 matrix product, by the best of a few.

    Processor time, not the clock: another process on the core must not look like a slow core. The
    threads of a product wait for each other at work, so beside a framework that is being imported
    most products look slow all the same, and few repeats would miss the one that does not.
    """
    left = np.ones((size, size), np.float32)
    left @ left
    best = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        left @ left
        best = min(best, time.process_time() - began)
    return 2 * size**3 / max(best, 1e-6)


def memory(model: Model, data_bytes: int, batch: int, slots: int) -> int:
    """Bytes at the peak of training: the data, weights with gradient and optimizer slots, and
    every layer's output with its gradient."""
    weights = 4 * model.size * (2 + slots)
    return BASE_MEMORY + data_bytes + weights + 2 * batch * model.activation_bytes
