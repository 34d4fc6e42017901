"""Whole-pixel changes of images where they lie: on a GPU, with the pixels that NumPy gives."""

from __future__ import annotations

import torch
from torch import Tensor


def moved(images: Tensor, rows: Tensor, offsets: Tensor, mirrored: Tensor) -> Tensor:
    """The images at `rows`, each through its window and mirrored; zeros outside.

    images: (N, H, W, C); rows: (B,); offsets, mirrored: (B, 2) of `data.augment.moves`
    """
    height, width = images.shape[1:3]
    y, inside_y = _places(height, offsets[:, :1], mirrored[:, :1])
    x, inside_x = _places(width, offsets[:, 1:], mirrored[:, 1:])
    found = images[rows[:, None, None], y[:, :, None], x[:, None, :]]
    inside = inside_y[:, :, None] & inside_x[:, None, :]
    return found.masked_fill_(~inside[..., None], 0)


def _places(size: int, offset: Tensor, mirrored: Tensor) -> tuple[Tensor, Tensor]:
    """Where each place of an axis is read, (B, size), and whether that is inside the image."""
    place = torch.arange(size, device=offset.device)
    place = torch.where(mirrored, size - 1 - place, place) + offset
    return place.clamp(0, size - 1), (place >= 0) & (place < size)
