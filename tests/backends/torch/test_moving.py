"""Whole-pixel changes as PyTorch makes them, beside NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trimaran.backends.torch.moving import moved
from trimaran.data.augment import Augment, augment, moves


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize(
    "settings",
    [
        Augment(flip=True),
        Augment(vertical_flip=True),
        Augment(crop=2),
        Augment(flip=True, vertical_flip=True, crop=3),
        Augment(crop=9),  # wider than the picture is high
    ],
    ids=str,
)
def test_pixels_are_those_of_numpy(settings: Augment, dtype: type) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(-9 if dtype is np.float32 else 0, 200, (40, 6, 7, 3)).astype(dtype)
    ids, at = np.arange(40) + 1000, rng.permutation(40)[:25]
    expected = augment(images[at], settings, 3, 2, ids[at])
    offsets, mirrored = map(torch.from_numpy, moves(settings, 3, 2, ids[at]))
    found = moved(torch.from_numpy(images), torch.from_numpy(at), offsets, mirrored)
    assert found.numpy().tobytes() == expected.tobytes()


def test_only_moves_are_made_so() -> None:
    assert Augment(flip=True, vertical_flip=True, crop=2).only_moves
    for name in ("rotate", "shift", "zoom", "shear", "brightness", "contrast", "cutout"):
        assert not Augment(flip=True, **{name: 1 if name == "cutout" else 0.5}).only_moves
    assert not Augment(crop=2, fill="edge").only_moves
