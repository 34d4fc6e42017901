"""Small networks and data for the tests of training, with answers that can be learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trimaran.data.batches import Affine, Rows


class Plain(nn.Module):
    """Flatten, Dense, ReLU, Dense, softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(72, 12)
        self.out = nn.Linear(12, 3)

    def logits(self, x: Tensor) -> Tensor:
        return self.out(F.relu(self.hidden(x.flatten(1))))

    def forward(self, x: Tensor) -> Tensor:
        return F.softmax(self.logits(x), 1)


class Convolutional(nn.Module):
    """Convolution, batch normalization, ReLU, dropout, Dense: all that a resume must keep."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.deep = nn.Conv2d(8, 6, 3)
        self.out = nn.Linear(6 * 16, 3)

    def logits(self, x: Tensor) -> Tensor:
        x = F.dropout(F.relu(self.norm(self.conv(x))), 0.2, self.training)
        return self.out(F.relu(self.deep(x)).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        return F.softmax(self.logits(x), 1)


def _rows(n: int, seed: int, first_id: int = 0) -> Rows:
    """Images of 6x6 pixels and 2 channels as uint8, where a bright row tells the class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    images = rng.integers(0, 90, (n, 6, 6, 2)).astype(np.uint8)
    images[np.arange(n), labels * 2] += 120
    affine = {"input": Affine((1 / 255, 2 / 255), (-0.5, -0.25))}
    return Rows({"input": images}, {"output": labels}, None, np.arange(n) + first_id, affine)


@pytest.fixture
def rows() -> Callable[..., Rows]:
    return _rows


@pytest.fixture
def splits() -> dict[str, Rows]:
    return {"train": _rows(70, 0), "validation": _rows(30, 1, 1000)}


@pytest.fixture
def weighted() -> dict[str, Rows]:
    """The same with sample weights, some of them 0."""
    train = _rows(70, 0)
    weights = np.random.default_rng(3).random(70).astype(np.float32)
    weights[::7] = 0
    return {"train": replace(train, weights=weights), "validation": _rows(30, 1, 1000)}


def _network(kind: type[nn.Module], seed: int = 0) -> nn.Module:
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    made = kind()
    torch.set_rng_state(state)
    return made


@pytest.fixture
def plain() -> Callable[..., nn.Module]:
    return lambda seed=0: _network(Plain, seed)


@pytest.fixture
def convolutional() -> Callable[..., nn.Module]:
    return lambda seed=0: _network(Convolutional, seed)
