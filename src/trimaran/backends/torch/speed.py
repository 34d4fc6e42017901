"""How fast PyTorch multiplies matrices here, for `trimaran doctor`."""

from __future__ import annotations

import time
from typing import Any

import torch

from trimaran.backends.torch.execution import accelerators

SIZE = 1024


def measure() -> dict[str, Any]:
    """GFLOP/s of a matrix product in each precision with PyTorch's threads, and accelerators."""
    found: dict[str, Any] = {"torch_threads": torch.get_num_threads()}
    for name in ("float32", "bfloat16"):
        matrix = torch.ones(SIZE, SIZE, dtype=getattr(torch, name))
        torch.mm(matrix, matrix)
        best = min(_timed(matrix) for _ in range(3))
        found[f"{name}_gflops"] = round(2 * SIZE**3 / best / 1e9, 1)
    return found | {"accelerators": list(accelerators())}


def _timed(matrix: torch.Tensor) -> float:
    began = time.perf_counter()
    torch.mm(matrix, matrix)
    return time.perf_counter() - began
