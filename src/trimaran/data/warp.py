"""Moving pixels: whole-pixel windows by strides, everything else by one bilinear affine warp."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

# What stands outside the picture: black, its nearest pixel, or its mirror image.
FILLS = ("constant", "edge", "reflect")
# The arrays of this many pixels stay in the second-level cache, which saves a third of the time.
_PIXELS_AT_ONCE = 12_000


def windows(images: np.ndarray, offsets: np.ndarray, reach: int, fill: str) -> np.ndarray:
    """Each image seen through its own window, moved by whole pixels.

    images: (B, H, W, C); offsets: (B, 2) integers (down, right), at most `reach` either way.
    """
    b, h, w, c = images.shape
    edges = ((0, 0), (reach, reach), (reach, reach), (0, 0))
    if fill == "constant":
        padded = np.zeros((b, h + 2 * reach, w + 2 * reach, c), images.dtype)
        padded[:, reach : reach + h, reach : reach + w] = images
    else:
        padded = np.pad(images, edges, mode="edge" if fill == "edge" else "reflect")
    row, y, x, channel = padded.strides
    side = 2 * reach + 1
    # Every window of every image as one view; indexing it copies one window per image.
    views = as_strided(padded, (b, side, side, h, w, c), (row, y, x, y, x, channel))
    down, right = (offsets + reach).T
    moved: np.ndarray = views[np.arange(b), down, right]
    return moved


def affine_warp(
    images: np.ndarray, matrices: np.ndarray, offsets: np.ndarray, fill: str
) -> np.ndarray:
    """Bilinear samples as (B, H, W, C) float32.

    Output pixel p is read at `matrix @ (p - centre) + centre + offset` of the input, where p is
    (y, x) in pixels and the centre is ((H-1)/2, (W-1)/2).
    images: (B, H, W, C); matrices: (B, 2, 2); offsets: (B, 2).
    """
    b, h, w, c = images.shape
    centre = np.array([(h - 1) / 2, (w - 1) / 2])
    grid = np.mgrid[:h, :w].reshape(2, -1) - centre[:, None]
    grid = np.vstack([grid, np.ones(h * w)]).astype(np.float32)  # (3, H*W), homogeneous
    maps = np.dstack([matrices, offsets + centre]).astype(np.float32)  # (B, 2, 3)
    warped = np.empty((b, h * w, c), np.float32)
    step = max(1, _PIXELS_AT_ONCE // (h * w))
    for start in range(0, b, step):
        part = slice(start, start + step)
        warped[part] = _bilinear(images[part], maps[part] @ grid, fill)
    return warped.reshape(b, h, w, c)


def _bilinear(images: np.ndarray, at: np.ndarray, fill: str) -> np.ndarray:
    """Samples of (b, H, W, C) at (b, 2, n) positions, as (b, n, C) float32."""
    b, h, w, c = images.shape
    y, x = _inside(at[:, 0], h, fill), _inside(at[:, 1], w, fill)
    # A black ring answers for positions outside, and a second one for the neighbour beyond it.
    ringed = np.zeros((b, h + 3, w + 3, c), images.dtype)
    ringed[:, 1 : h + 1, 1 : w + 1] = images
    top, left = np.floor(y), np.floor(x)
    down, right = (y - top)[..., None], (x - left)[..., None]
    first = (np.arange(b) * (h + 3) + 1)[:, None]
    corner = (top.astype(np.intp) + first) * (w + 3) + (left.astype(np.intp) + 1)
    pixels = ringed.reshape(-1, c) if c > 1 else ringed.reshape(-1)

    def read(step: int) -> np.ndarray:
        found: np.ndarray = pixels.take(corner + step, axis=0).astype(np.float32)
        return found.reshape(b, -1, c)

    upper, lower = read(0), read(w + 3)
    upper += (read(1) - upper) * right
    lower += (read(w + 4) - lower) * right
    lower -= upper
    lower *= down
    lower += upper
    return lower


def _inside(position: np.ndarray, size: int, fill: str) -> np.ndarray:
    """Positions along one side of `size` pixels, mapped to where `fill` finds their value."""
    if fill == "constant":
        return np.asarray(np.clip(position, -1, size))
    if fill == "reflect" and size > 1:
        last = np.float32(size - 1)
        position = last - np.abs(last - np.mod(position, 2 * last))
    return np.asarray(np.clip(position, 0, size - 1))
