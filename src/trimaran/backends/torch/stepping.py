"""A network of single steps as a function that costs little around its kernels.

A step of one row is hundreds of operations of microseconds each, so that what stands around them
counts for more than they do: Python, the way to NumPy and back, and oneDNN, which looks up a
kernel for each. So the emitted module is traced once, its states stay tensors, and PyTorch's own
kernels compute.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trimaran.backends.protocol import Array
from trimaran.backends.torch.build import TorchBackend, module, to_numpy, to_torch
from trimaran.spec.model import Model


class Stepper:
    """See `trimaran.backends.protocol.Step`."""

    def __init__(self, model: Model, weights: Mapping[str, np.ndarray]) -> None:
        self._network = module(model, weights).eval().requires_grad_(False)
        self._inputs = [port.name for port in model.inputs]
        self._outputs = [name for name, _ in model.outputs]
        self._traced: Callable[..., tuple[Tensor, ...]] | None = None

    def __call__(self, given: Mapping[str, Array]) -> dict[str, Array]:
        tensors = [_tensor(given[name]) for name in self._inputs]
        with torch.inference_mode(), _without_onednn():
            if self._traced is None:
                self._traced = self._trace(tensors)
            found = zip(self._outputs, self._traced(*tensors), strict=True)
        states = self._inputs
        return {n: t if n in states else to_numpy(t, first=False) for n, t in found}

    def _trace(self, tensors: list[Tensor]) -> Callable[..., tuple[Tensor, ...]]:
        """The module's own operations, for any room for keys and values."""

        def run(*tensors: Tensor) -> tuple[Tensor, ...]:
            returned = self._network(*tensors)
            return tuple(returned.values()) if isinstance(returned, dict) else (returned,)

        with warnings.catch_warnings():
            # It is deprecated without another that spares a step's Python.
            warnings.simplefilter("ignore", DeprecationWarning)
            traced: Any = torch.jit.trace(run, tensors)  # type: ignore[no-untyped-call]
        return traced  # type: ignore[no-any-return]


@contextmanager
def _without_onednn() -> Iterator[None]:
    """PyTorch's own kernels for a while, as `torch.backends.mkldnn.flags` does in 30 µs."""
    mkldnn: Any = torch.backends.mkldnn
    kept, mkldnn.enabled = mkldnn.enabled, False
    try:
        yield
    finally:
        mkldnn.enabled = kept


def _tensor(array: Array) -> Tensor:
    return array if isinstance(array, Tensor) else to_torch(array)


def stepper(backend: TorchBackend, model: Model, weights: Mapping[str, np.ndarray]) -> Stepper:
    """The network in float32 as a step."""
    return Stepper(model, weights)
