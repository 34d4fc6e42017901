"""A network of single steps as a function that costs little around its kernels.

A step of one row is hundreds of operations of microseconds each, so that what stands around them
counts for more than they do: Python, the way to NumPy and back, sizes, places that each layer
counts for itself, and oneDNN, which looks up a kernel for each. So the emitted module is traced
once for each room of its states, what is the same in all layers is computed once, its states stay
tensors, and PyTorch's own kernels compute.
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
from trimaran.spec.stepping import PLACE

Traced = Callable[..., tuple[Tensor, ...]]


class Stepper:
    """See `trimaran.backends.protocol.Step`."""

    def __init__(self, model: Model, weights: Mapping[str, np.ndarray]) -> None:
        self._network = module(model, weights).eval().requires_grad_(False)
        self._inputs = [port.name for port in model.inputs]
        self._outputs = [name for name, _ in model.outputs]
        self._slots = _slots(self._inputs)
        self._traced: dict[tuple[torch.Size, ...], Traced] = {}

    def __call__(self, given: Mapping[str, Array]) -> dict[str, Array]:
        tensors = [_tensor(given[name]) for name in self._slots]
        with torch.inference_mode(), _without_onednn():
            shapes = tuple(tensor.shape for tensor in tensors)
            if shapes not in self._traced:
                self._traced[shapes] = self._trace(tensors)
            found = zip(self._outputs, self._traced[shapes](*tensors), strict=True)
        states = self._inputs
        return {n: t if n in states else to_numpy(t, first=False) for n, t in found}

    def _trace(self, tensors: list[Tensor]) -> Traced:
        """The module's own operations, for tensors of these shapes."""

        def run(*tensors: Tensor) -> tuple[Tensor, ...]:
            slots = dict(zip(self._slots, tensors, strict=True))
            returned = self._network(*(slots[_slot(name, slots)] for name in self._inputs))
            return tuple(returned.values()) if isinstance(returned, dict) else (returned,)

        with warnings.catch_warnings():
            # It is deprecated without another that spares a step's Python.
            warnings.simplefilter("ignore", DeprecationWarning)
            traced: Any = torch.jit.trace(run, tensors)  # type: ignore[no-untyped-call]
        return _shared(traced.graph)


def _slots(names: list[str]) -> list[str]:
    """The inputs that differ: of those that count steps (see `trimaran.spec.stepping`) the first,
    which stands for all."""
    counting = [name for name in names if name.endswith(PLACE)]
    return [name for name in names if name not in counting[1:]]


def _slot(name: str, slots: Mapping[str, Tensor]) -> str:
    """The name under which an input is given."""
    return name if name in slots else next(n for n in slots if n.endswith(PLACE))


def _shared(graph: Any) -> Traced:
    """The graph with sizes as the numbers that they are here, what follows from them computed now,
    and what is equal in several layers computed once."""
    passes: Any = torch._C
    passes._jit_pass_inline(graph)
    for _ in range(2):  # sizes, what they give, and the sizes of that
        passes._jit_pass_peephole(graph, False)
        passes._jit_pass_constant_propagation(graph)
    passes._jit_pass_cse(graph)
    passes._jit_pass_dce(graph)
    made: Traced = passes._create_function_from_graph("step", graph)
    return made


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
