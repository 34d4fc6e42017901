"""Positions that a module keeps as a bare parameter, in the form that a layer can be.

`self.pos = nn.Parameter(...)` with `x + self.pos` becomes a module of its own, with the key
`pos_table.weight` and the shape (steps, features). It is changed on the copy that is read, whose
code still finds under `self.pos` a tensor of the old shape.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from trimaran.backends.torch.reading.nodes import Key, Traced


class Table(nn.Module):
    """Rows for the steps of a sequence; it is never called."""

    def __init__(self, weight: nn.Parameter) -> None:
        super().__init__()
        self.weight = weight


def tabled(module: nn.Module, traced: Traced) -> bool:
    """Whether the module was changed: each parameter that is added to a sequence as positions now
    stands in a module of its own."""
    keys = dict.fromkeys(
        node.arguments["weight"].text
        for node in traced.nodes
        if node.op == "positions" and isinstance(node.arguments["weight"], Key)
    )
    bare = [key for key in keys if not _in_a_layer(module, key)]
    for key in bare:
        path, _, name = key.rpartition(".")
        _open(module.get_submodule(path), name)
    return bool(bare)


def _in_a_layer(module: nn.Module, key: str) -> bool:
    path, _, name = key.rpartition(".")
    return name == "weight" and isinstance(module.get_submodule(path), nn.Embedding | Table)


def _open(owner: nn.Module, name: str) -> None:
    given: Any = owner._parameters.pop(name)
    shape = tuple(given.shape)
    rows = nn.Parameter(given.detach().reshape(shape[-2:]), given.requires_grad)
    inner = f"{name}_table"
    while hasattr(owner, inner):
        inner += "_"
    owner.add_module(inner, Table(rows))

    def read(self: Any) -> Tensor:
        weight: Tensor = self._modules[inner].weight
        return weight.reshape(shape) if len(shape) > 2 else weight

    kind = type(owner)
    parts = {name: property(read), "__module__": kind.__module__, "__doc__": kind.__doc__}
    owner.__class__ = type(kind.__name__, (kind,), {**parts, "__qualname__": kind.__qualname__})
