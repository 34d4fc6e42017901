"""How fast PyTorch multiplies matrices here, for `trimaran doctor`."""

from __future__ import annotations

import time
from typing import Any

import torch

from trimaran.backends.torch.execution import accelerators

SIZES = (256, 512, 1024)
# A processor without bfloat16 instructions needs seconds for the largest; what it does with a
# smaller one says as much.
LONG = 0.02


def measure() -> dict[str, Any]:
    """GFLOP/s of a matrix product in each precision with PyTorch's threads, and accelerators."""
    found: dict[str, Any] = {"torch_threads": torch.get_num_threads()}
    for name in ("float32", "bfloat16"):
        found[f"{name}_gflops"] = round(_rate(getattr(torch, name)) / 1e9, 1)
    return found | {"accelerators": list(accelerators())}


def _rate(dtype: torch.dtype) -> float:
    """Operations a second with the largest matrices that do not take long."""
    rate = 0.0
    for size in SIZES:
        matrix = torch.ones(size, size, dtype=dtype)
        torch.mm(matrix, matrix)
        best = min(_timed(matrix) for _ in range(3))
        rate = 2 * size**3 / best
        if best > LONG:
            break
    return rate


def _timed(matrix: torch.Tensor) -> float:
    began = time.perf_counter()
    torch.mm(matrix, matrix)
    return time.perf_counter() - began
