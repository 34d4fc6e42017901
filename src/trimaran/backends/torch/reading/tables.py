"""Positions that a module keeps by itself, in the form that a layer can be.

`self.pos = nn.Parameter(...)` with `x + self.pos` becomes a module of its own, with the key
`pos_table.weight` and the shape (steps, features). A buffer that holds the sines and cosines of
Vaswani et al. 2017, §3.5, becomes the layer that computes them. Both are changed on the copy that
is read, whose code still finds under the old name a tensor of the old shape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from trimaran.backends.torch.reading.nodes import Key, Traced

WAVES = "position_waves"
"""Ends the name of a module that holds sines and cosines."""
# Of a buffer in float32 from the formula in float64: far above its rounding.
_CLOSE = 1e-4


class Table(nn.Module):
    """Rows for the steps of a sequence; it is never called."""

    def __init__(self, weight: nn.Parameter) -> None:
        super().__init__()
        self.weight = weight


class Waves(nn.Module):
    """What torch.export finds in place of sines and cosines that are computed."""

    weight: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight, persistent=False)


def tabled(module: nn.Module, traced: Traced) -> bool:
    """Whether the module was changed: parameters and sines that are added to a sequence as
    positions now stand in modules of their own."""
    keys = dict.fromkeys(
        node.arguments["weight"].text
        for node in traced.nodes
        if node.op == "positions" and isinstance(node.arguments["weight"], Key)
    )
    opened = [_open(module.get_submodule(key.rpartition(".")[0]), key) for key in keys]
    return any(opened)


def _open(owner: nn.Module, key: str) -> bool:
    name = key.rpartition(".")[2]
    if isinstance(owner, nn.Embedding | Table | Waves):
        return False
    if name in owner._parameters:
        _open_parameter(owner, name)
        return True
    given: Any = owner._buffers[name]
    rows = given.reshape(given.shape[-2:])
    if (rows - waves(rows, torch.float64)).abs().max() > _CLOSE:
        return False
    _open_waves(owner, name, rows)
    return True


def _open_parameter(owner: nn.Module, name: str) -> None:
    given: Any = owner._parameters.pop(name)
    shape = tuple(given.shape)
    rows = nn.Parameter(given.detach().reshape(shape[-2:]), given.requires_grad)
    inner = _add(owner, f"{name}_table", Table(rows))

    def read(self: Any) -> Tensor:
        weight: Tensor = self._modules[inner].weight
        return weight.reshape(shape) if len(shape) > 2 else weight

    _stand_in(owner, name, read)


def _open_waves(owner: nn.Module, name: str, rows: Tensor) -> None:
    """Computed anew in the type of the run: a buffer that was float32 keeps its rounding."""
    shape = tuple(owner._buffers.pop(name).shape)  # type: ignore[union-attr]
    inner = _add(owner, f"{name}_{WAVES}", Waves(rows))

    def read(self: Any) -> Tensor:
        held: Tensor = self._modules[inner].weight
        exporting = torch.compiler.is_exporting()
        exact = held if exporting else waves(held, torch.get_default_dtype())
        return exact.reshape(shape) if len(shape) > 2 else exact

    _stand_in(owner, name, read)


def waves(like: Tensor, dtype: torch.dtype) -> Tensor:
    """As many: entry (t, j) is sin (j even) or cos (j odd) of t / 10000^(2⌊j/2⌋ / features)."""
    steps, features = like.shape
    place = torch.arange(features)
    rates = 10_000.0 ** (-2 * (place // 2).double() / features)
    angles = torch.arange(steps, dtype=torch.float64)[:, None] * rates
    return torch.where(place % 2 == 0, angles.sin(), angles.cos()).to(dtype)


def _add(owner: nn.Module, name: str, module: nn.Module) -> str:
    while hasattr(owner, name):
        name = f"_{name}"
    owner.add_module(name, module)
    return name


def _stand_in(owner: nn.Module, name: str, read: Callable[[Any], Tensor]) -> None:
    """`owner.name` reads what `read` gives."""
    kind = type(owner)
    parts = {name: property(read), "__module__": kind.__module__, "__doc__": kind.__doc__}
    owner.__class__ = type(kind.__name__, (kind,), {**parts, "__qualname__": kind.__qualname__})
