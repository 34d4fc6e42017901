"""Positions go in as the layers that add them: looked up, kept as parameters, or computed."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from tests.backends.torch.brought import climbed_by_itself, comes_out_equal
from torch import Tensor, nn

import trimaran
from trimaran.errors import ConversionError
from trimaran.spec import layers as L


class Placed(nn.Module):
    """Positions looked up in a table of more rows than there are steps, and kept as parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.places = nn.Embedding(10, 4), nn.Embedding(8, 4)
        self.pos = nn.Parameter(torch.randn(1, 7, 4))
        self.inner = Shifted()
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        steps = torch.arange(x.shape[1]).unsqueeze(0).expand(x.shape[0], -1)
        x = torch.tanh(self.places(steps) + self.table(x))
        x = torch.tanh(x + self.pos[:, : x.shape[1]])
        return self.fc(self.inner(x).mean(1))


class Shifted(nn.Module):
    """A parameter of two axes, added in place, in a module without others."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.randn(5, 4))

    def forward(self, x: Tensor) -> Tensor:
        x = x * 1.0
        x += self.rows
        return torch.tanh(x)


class Waved(nn.Module):
    """Sines and cosines in a buffer, as PyTorch's own tutorial has them."""

    def __init__(self) -> None:
        super().__init__()
        places = torch.arange(9).unsqueeze(1)
        rates = torch.exp(torch.arange(0, 6, 2) * (-math.log(10000.0) / 6))
        rows = torch.zeros(1, 9, 6)
        rows[0, :, 0::2], rows[0, :, 1::2] = torch.sin(places * rates), torch.cos(places * rates)
        self.register_buffer("rows", rows)
        self.drop, self.fc = nn.Dropout(0.1), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.drop(x + self.rows[:, : x.size(1)]))


def test_places_go_in_and_come_out_equal() -> None:
    comes_out_equal(Placed, (5,))
    climbed_by_itself(Placed, (5,))


def test_positions_are_layers_with_keys_of_their_own() -> None:
    leaves = trimaran.from_torch(Placed(), (5,)).model.leaves
    found = {leaf.path: leaf.layer for leaf in leaves}
    kept = {path: layer for path, layer in found.items() if isinstance(layer, L.PositionEmbedding)}
    assert {path: layer.sequence_length for path, layer in kept.items()} == {
        "places": 8, "pos_table": 7, "inner.rows_table": 5,
    }  # fmt: skip


def test_sines_in_a_buffer_are_the_layer_that_computes_them() -> None:
    """The module's own are those of float32; beside the layer they are computed anew."""
    found = trimaran.from_torch(Waved(), (5, 6))
    assert isinstance(found.model.leaves[0].layer, L.SinePositionEncoding)
    assert set(found.weights) == {"fc.weight", "fc.bias"}
    climbed_by_itself(Waved, (5, 6))


# Refusals -------------------------------------------------------------------------------------


class Odd(nn.Module):
    """A table, used as `then` says."""

    def __init__(self, then: Callable[[nn.Embedding, Tensor], Tensor], rows: int) -> None:
        super().__init__()
        self.a, self.then = nn.Embedding(rows, 4), then

    def forward(self, x: Tensor) -> Tensor:
        return self.then(self.a, x)


REFUSED: dict[str, tuple[nn.Module, str]] = {
    "from 1 on": (Odd(lambda a, x: x + a(torch.arange(1, 6)), 6), "from 0 on"),
    "of no sequence": (
        Odd(lambda a, x: x.flatten(1) + a(torch.arange(5)).flatten(), 5), "from 0 on"),
    "every second row": (Odd(lambda a, x: x + a.weight[::2], 10), "computes with the parameter"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_other_places_are_named(name: str) -> None:
    given, why = REFUSED[name]
    with pytest.raises(ConversionError, match=why):
        trimaran.from_torch(given, (5, 4))


def test_other_waves_are_named() -> None:
    own = Waved()
    own.rows = own.rows.roll(1, 1)
    with pytest.raises(ConversionError, match=r"rows of the buffer 'rows'"):
        trimaran.from_torch(own, (5, 6))
