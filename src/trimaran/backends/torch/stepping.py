"""A network of single steps as a function that costs little around its kernels.

A step of one row is hundreds of operations of microseconds each, so that what stands around them
counts for more than they do: Python, the way to NumPy and back, sizes, places that each layer
counts for itself, and oneDNN, which looks up a kernel for each. So the emitted module is traced
once for each room of its states, and what is the same in all layers is computed once. Then NumPy
takes the step where it can (see `trimaran.backends.torch.lowering`), and PyTorch's own kernels
where not, with states that stay tensors.
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
from trimaran.backends.torch.lowering.graph import lowered
from trimaran.spec.model import Model
from trimaran.spec.stepping import PLACE

Taken = Callable[..., tuple[Array, ...]]


class Stepper:
    """See `trimaran.backends.protocol.Step`."""

    def __init__(self, model: Model, weights: Mapping[str, np.ndarray]) -> None:
        self._network = module(model, weights).eval().requires_grad_(False)
        self._inputs = [port.name for port in model.inputs]
        self._outputs = [name for name, _ in model.outputs]
        self._slots = _slots(self._inputs)
        self._taken: dict[tuple[tuple[int, ...], ...], Taken] = {}

    def __call__(self, given: Mapping[str, Array]) -> dict[str, Array]:
        arrays = [given[name] for name in self._slots]
        shapes = tuple(array.shape for array in arrays)
        if shapes not in self._taken:
            self._taken[shapes] = self._take(arrays)
        found = zip(self._outputs, self._taken[shapes](*arrays), strict=True)
        states = self._inputs
        return {n: a if n in states else _numpy(a).copy() for n, a in found}

    def _take(self, arrays: list[Array]) -> Taken:
        """The step for arrays of these shapes."""
        with torch.inference_mode(), _without_onednn():
            graph = _shared(self._trace([_tensor(array) for array in arrays]))
        return lowered(graph) or _torch(graph)

    def _trace(self, tensors: list[Tensor]) -> Any:
        """The graph of the module's own operations."""

        def run(*tensors: Tensor) -> tuple[Tensor, ...]:
            slots = dict(zip(self._slots, tensors, strict=True))
            returned = self._network(*(slots[_slot(name, slots)] for name in self._inputs))
            return tuple(returned.values()) if isinstance(returned, dict) else (returned,)

        with warnings.catch_warnings():
            # It is deprecated without another that spares a step's Python.
            warnings.simplefilter("ignore", DeprecationWarning)
            traced: Any = torch.jit.trace(  # type: ignore[no-untyped-call]
                run, tensors, check_trace=False
            )
        return traced.graph


def _slots(names: list[str]) -> list[str]:
    """The inputs that differ: of those that count steps (see `trimaran.spec.stepping`) the first,
    which stands for all."""
    counting = [name for name in names if name.endswith(PLACE)]
    return [name for name in names if name not in counting[1:]]


def _slot(name: str, slots: Mapping[str, Tensor]) -> str:
    """The name under which an input is given."""
    return name if name in slots else next(n for n in slots if n.endswith(PLACE))


def _shared(graph: Any) -> Any:
    """The graph with sizes as the numbers that they are here, what follows from them computed now,
    and what is equal in several layers computed once."""
    passes: Any = torch._C
    passes._jit_pass_inline(graph)
    for _ in range(2):  # sizes, what they give, and the sizes of that
        passes._jit_pass_peephole(graph, False)
        passes._jit_pass_constant_propagation(graph)
    passes._jit_pass_cse(graph)
    passes._jit_pass_dce(graph)
    return graph


def _torch(graph: Any) -> Taken:
    """PyTorch takes the step."""
    create: Any = torch._C._create_function_from_graph
    function = create("step", graph)

    def taken(*arrays: Array) -> tuple[Array, ...]:
        with torch.inference_mode(), _without_onednn():
            found: tuple[Array, ...] = function(*map(_tensor, arrays))
            return found

    return taken


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


def _numpy(array: Array) -> np.ndarray:
    return to_numpy(array, first=False) if isinstance(array, Tensor) else array


def stepper(backend: TorchBackend, model: Model, weights: Mapping[str, np.ndarray]) -> Stepper:
    """The network in float32 as a step."""
    return Stepper(model, weights)
