"""Dropout with masks from outside, so that two frameworks can drop the same entries."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from trimaran.backends.torch.dropping import Dropping
from trimaran.spec.layer import known
from trimaran.spec.layout import FIRST, layouts
from trimaran.spec.model import Model
from trimaran.training.engine import Arrays


def in_own_layout(model: Model, masks: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Channels-last masks as the emitted module's tensors lie."""
    tags = layouts(model)
    values = {leaf.path: leaf.output for leaf in model.leaves}
    found = {}
    for path, mask in masks.items():
        value = values.get(path)
        if value is None:  # the weights of an attention
            pass
        elif value in tags.flat:
            shape = known(tags.flat[value])
            mask = np.moveaxis(mask.reshape(len(mask), *shape), -1, 1).reshape(len(mask), -1)
        elif tags.values[value] == FIRST and mask.ndim > 2:
            mask = np.moveaxis(mask, -1, 1)
        found[path] = np.ascontiguousarray(mask)
    return found


@contextlib.contextmanager
def injected(network: nn.Module, masks: Arrays) -> Iterator[None]:
    """While entered, the dropout at each path keeps what its mask keeps; without masks nothing
    changes."""
    if not masks:
        yield
        return
    modules = dict(network.named_modules())
    changed = []
    for path, mask in masks.items():
        module = modules[path if path in modules else path.rpartition(".")[0]]
        if isinstance(module, nn.Dropout):
            module.forward = _masked(mask, module.p)  # type: ignore[assignment]
        else:  # an attention, whose mask stands under its path with ".drop" behind
            module.forward = _attending(mask, module.forward)
        changed.append(module)
    try:
        yield
    finally:
        for module in changed:
            del module.forward


def _attending(mask: np.ndarray, own: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def forward(*given: Tensor, **named: Tensor) -> Tensor:
        with Dropping([np.array(mask)]):
            return own(*given, **named)

    return forward


def _masked(mask: np.ndarray, rate: float) -> Callable[[Tensor], Tensor]:
    kept = torch.from_numpy(np.array(mask))

    def forward(x: Tensor) -> Tensor:
        return x * kept.to(x) / (1 - rate)

    return forward
