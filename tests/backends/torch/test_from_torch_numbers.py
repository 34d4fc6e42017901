"""Plain numbers in a module's code go in and come out as the layer Rescaling."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import trimaran
from trimaran.backends.torch.build import module
from trimaran.backends.torch.reading import rules
from trimaran.backends.torch.reading.site import Site
from trimaran.backends.torch.reading.values import Value
from trimaran.errors import ConversionError
from trimaran.spec import layers as L


class Numbered(nn.Module):
    """Plain numbers before, between and behind the layers of a convolutional network."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.fc = nn.Linear(4 * 36, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = 2 * (x / 255) - 1
        x = 1 - F.relu(self.norm(self.conv(x)))
        x = -x.mul_(math.sqrt(3))
        x = torch.add(torch.sub(x, 3, alpha=0.5).flatten(1), 2, alpha=3)
        return self.fc(torch.rsub(x, 1, alpha=2)) + 0.1


NUMBERS = [
    (1 / 255, 0), (2, 0), (1, -1), (-1, 1), (3**0.5, 0), (-1, 0), (1, -1.5), (1, 6), (-2, 1),
    (1, 0.1),
]  # fmt: skip


def test_plain_numbers_are_read() -> None:
    """`from_torch` holds the outputs; the Linear behind the flattened map keeps its weights."""
    own = Numbered()
    found = trimaran.from_torch(own, (3, 8, 8))
    scaled = [leaf.layer for leaf in found.model.leaves if isinstance(leaf.layer, L.Rescaling)]
    assert scaled == [L.Rescaling(*numbers) for numbers in NUMBERS]
    module(found.model, found.weights).load_state_dict(own.state_dict())
    assert 'layers.Rescaling(-1.0, 1.0, name="rescale4")' in found.to_source("keras")


def test_a_series_is_scaled_before_its_convolution() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(2, 3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(1 - (-x / 4))

    assert trimaran.from_torch(Scaled(), (2, 9)).model.shapes[0] == (9, 2)


def test_whole_numbers_are_not_scaled() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(9, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.table(x + 1)

    with pytest.raises(ConversionError, match="it computes with whole numbers; give them to"):
        trimaran.from_torch(Tokens(), torch.tensor([[1, 2], [3, 4]]))


def test_a_number_that_is_left_out_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the summand of `x - 1`."""
    rule = rules.RULES["sub"]

    def wrong(site: Site) -> Value:
        made = rule(site)
        last = site.reading.steps[-1]
        site.reading.steps[-1] = replace(last, layer=replace(last.layer, offset=0.0))
        return made

    monkeypatch.setattr(rules, "RULES", {**rules.RULES, "sub": wrong})
    with pytest.raises(ConversionError, match="computes another"):
        trimaran.from_torch(Numbered(), (3, 8, 8))
