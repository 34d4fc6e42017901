"""What is held of a module that from_torch reads: equal outputs, and each rung beside itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

import trimaran
from trimaran.backends.protocol import Translation
from trimaran.backends.reference import BACKEND
from trimaran.backends.torch.build import module
from trimaran.backends.torch.original import original
from trimaran.backends.torch.reading.example import typed
from trimaran.comparison.side import Side
from trimaran.steps.parity import Climb, Subject, ladder


def comes_out_equal(make: Callable[[], nn.Module], shape: Any) -> None:
    """What is read computes the same, and the module itself is left as it was."""
    torch.manual_seed(0)
    own = rounded(make())
    before = {key: tensor.clone() for key, tensor in own.state_dict().items()}
    found = trimaran.from_torch(own, shape)
    assert all(torch.equal(tensor, before[key]) for key, tensor in own.state_dict().items())
    assert deviation(own, found) <= 1e-10


def rounded(own: nn.Module) -> nn.Module:
    """Biases of which two have an exact sum in float32, so that float64 shows every difference."""
    with torch.no_grad():
        for name, tensor in own.named_parameters():
            if "bias" in name:
                tensor.copy_((tensor * 1024).round() / 1024)
    return own


def deviation(own: nn.Module, found: Translation) -> float:
    """Of PyTorch's source, and of the reference, from the user's own module, in float64."""
    rng, inputs = np.random.default_rng(0), {}
    for port in found.model.inputs:
        shape = (3, *(int(size or 0) for size in port.shape))
        whole = port.dtype == "int32"
        inputs[port.name] = rng.integers(0, 10, shape) if whole else rng.normal(size=shape)
    tensors = [torch.tensor(values) for values in inputs.values()]
    with torch.no_grad(), typed(torch.float64):
        wanted = own.double().eval()(*tensors).numpy()
        built = module(found.model, found.weights, "float64").eval()(*tensors).numpy()
    weights = {key: values.astype(np.float64) for key, values in found.weights.items()}
    named = BACKEND.build(found.model, weights).forward(inputs).outputs["output"]
    return float(np.maximum(np.abs(built - wanted).max(), np.abs(named - wanted).max()))


def climbed_by_itself(make: Callable[[], nn.Module], shape: Any) -> None:
    """Each rung with the module itself as the first side."""
    torch.manual_seed(0)
    given = original(make(), shape)
    side = Side("original", given.build, given.engine, given.masks)
    climb = Climb(("torch",), 3, ("adam",), ("float64",), 4, original="original")
    subject = Subject(given.translation.model, given.translation.weights)
    rungs = [rung for _, rung in ladder(subject, climb, side)]
    assert len(rungs) > 8 and all(rung.ok for rung in rungs), rungs[-1]
