"""The neutral weights in and out of a PyTorch module: same names, same layouts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from trimaran.errors import RunError


def assign(module: nn.Module, weights: Mapping[str, np.ndarray], precision: str) -> None:
    """Give the module these arrays as its parameters and buffers.

    Raises:
        RunError: an array is missing, unexpected, or of another shape.
    """
    dtype = getattr(torch, precision)
    state = {name: _tensor(array, dtype) for name, array in weights.items()}
    expected = module.state_dict()
    strange = sorted(set(expected) ^ set(state))
    if strange:
        which = "has no" if strange[0] in expected else "has an unexpected"
        raise RunError(
            f"the weights {which} {strange[0]!r}, so they belong to another model; use the "
            "model.json that stands beside them."
        )
    for name, tensor in state.items():
        if tensor.shape != expected[name].shape:
            raise RunError(
                f"{name} has shape {tuple(tensor.shape)} in the weights and "
                f"{tuple(expected[name].shape)} in the model, so they belong to another model."
            )
    module.load_state_dict(state, assign=True)


def _tensor(array: np.ndarray, dtype: torch.dtype) -> torch.Tensor:
    tensor = torch.from_numpy(np.array(array))
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def arrays(module: nn.Module) -> dict[str, np.ndarray]:
    """The module's arrays by name, in C order, on the CPU."""
    return {
        name: np.ascontiguousarray(tensor.detach().cpu().numpy()).reshape(tuple(tensor.shape))
        for name, tensor in module.state_dict().items()
    }
