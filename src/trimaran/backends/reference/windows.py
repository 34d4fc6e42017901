"""Where sliding windows lie: what convolutions and pooling share.

A window's entry at kernel position k is, for the output at position o, the padded input at
o·stride + k·dilation. So for one k, all windows together are one strided slice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trimaran.backends.reference.arrays import Array
from trimaran.spec.layers.windows import Padding, Pads, pads, windows

Ints = tuple[int, ...]


@dataclass(frozen=True)
class Windows:
    """All windows over arrays of shape (batch, *spatial, channels)."""

    pads: Pads
    sizes: Ints
    kernel: Ints
    strides: Ints
    dilation: Ints

    def positions(self) -> Iterator[tuple[Ints, tuple[slice, ...]]]:
        """Each kernel position in row order, with the slice of the padded input that meets it."""
        for k in np.ndindex(*self.kernel):
            axes = zip(k, self.dilation, self.strides, self.sizes, strict=True)
            cuts = (slice(i * d, i * d + s * (n - 1) + 1, s) for i, d, s, n in axes)
            yield k, (slice(None), *cuts)

    def pad(self, x: Array, value: float = 0.0) -> Array:
        """The input with its borders filled with `value`."""
        return np.pad(x, ((0, 0), *self.pads, (0, 0)), constant_values=value)

    def crop(self, x: Array) -> Array:
        """The inverse of `pad`: what of a padded array's gradient belongs to the input."""
        spatial = zip(self.pads, x.shape[1:-1], strict=True)
        return x[(slice(None), *(slice(before, n - after) for (before, after), n in spatial))]


def windows_of(
    x: Array, padding: Padding, kernel: Ints, strides: Ints, dilation: Ints | None = None
) -> Windows:
    """The windows that a layer of these settings lays over x."""
    dilation = dilation or (1,) * len(kernel)
    spatial = x.shape[1:-1]
    sizes = windows(padding, spatial, kernel, strides, dilation)
    explicit = pads(padding, spatial, kernel, strides, dilation)
    assert explicit is not None  # an array's sizes are all known
    return Windows(explicit, tuple(int(n or 0) for n in sizes), kernel, strides, dilation)
