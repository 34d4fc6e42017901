"""Layers that XLA compiles into slow programs for a CPU, said in a way that it compiles well.

A layer's operation is replaced on the instance, so the source stays what it is. docs/results.md has
what each is worth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import keras
from jax import lax

from trimaran.backends.keras.worker.hooks import layers_of


def quicken(network: keras.Model) -> None:
    """Replace what is slow, with the same values and derivatives."""
    for layer in layers_of(network):
        if isinstance(layer, keras.layers.MaxPooling1D | keras.layers.MaxPooling2D):
            _quicken_pool(layer)
        elif type(layer) is keras.layers.Conv2D and layer.groups == 1:
            _quicken_convolution(layer)


def _quicken_pool(layer: keras.layers.Layer) -> None:
    """Windows that touch but do not overlap, as a maximum of slices.

    XLA scatters a pooling's gradient entry by entry. The first largest entry gets it, as in the
    kernel that this replaces.
    """
    sizes = tuple(layer.pool_size)
    if tuple(layer.strides) == sizes and layer.padding == "valid":
        layer.call = _sliced(sizes)


def _sliced(sizes: tuple[int, ...]) -> Callable[[jax.Array], jax.Array]:
    def call(inputs: jax.Array) -> jax.Array:
        # The last axis first, so that ties fall to the first entry in row order.
        for axis in range(len(sizes), 0, -1):
            inputs = _along(inputs, axis, sizes[axis - 1])
        return inputs

    return call


def _along(x: jax.Array, axis: int, size: int) -> jax.Array:
    windows = x.shape[axis] // size
    before = (slice(None),) * axis
    parts = [x[(*before, slice(i, i + windows * size - size + 1, size))] for i in range(size)]
    largest = parts[0]
    for part in parts[1:]:
        largest = jnp.where(largest >= part, largest, part)
    return largest


# Columns of a matrix of patches up to which one product with it beats one product an offset, and
# channels from which an offset's own product pays.
_NARROW, _WIDE = 64, 16


def _quicken_convolution(layer: keras.layers.Conv2D) -> None:
    """The kernel's gradient as matrix products.

    XLA computes it as a convolution whose window is the whole picture, on one thread.
    """
    height, width = layer.kernel_size
    channels = layer.kernel.shape[2]
    narrow = height * width * channels <= _NARROW
    if tuple(layer.dilation_rate) == (1, 1) and (narrow or channels >= _WIDE):
        layer.convolution_op = _convolution(tuple(layer.strides), layer.padding.upper(), narrow)


def _convolution(
    strides: tuple[int, int], padding: str, narrow: bool
) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """(rows, height, width, channels), kernel (height, width, channels, filters) -> pictures."""

    def plain(x: jax.Array, kernel: jax.Array) -> jax.Array:
        orders = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, kernel, strides, padding, dimension_numbers=orders)

    def forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        return plain(x, kernel), (x, kernel)

    def backward(
        kept: tuple[jax.Array, jax.Array], slope: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        x, kernel = kept
        (back,) = jax.vjp(lambda x: plain(x, kernel), x)[1](slope)
        pads = lax.padtype_to_pads(x.shape[1:3], kernel.shape[:2], strides, padding)
        padded = jnp.pad(x, ((0, 0), *pads, (0, 0)))
        parts = _parts(padded, kernel.shape[:2], strides, slope.shape[1:3])
        return back, _products(parts, slope, narrow).reshape(kernel.shape)

    convolve = jax.custom_vjp(plain)
    convolve.defvjp(forward, backward)

    def call(x: jax.Array, kernel: jax.Array) -> jax.Array:
        x, kernel = jnp.asarray(x), jnp.asarray(kernel)
        # Sums of half precision belong into single, which XLA's own gradient sees to.
        return plain(x, kernel) if x.dtype == jnp.bfloat16 else convolve(x, kernel)

    return call


def _parts(
    x: jax.Array, window: Sequence[int], strides: Sequence[int], places: Sequence[int]
) -> list[jax.Array]:
    """What each offset of the window meets at all its places, row by row of the window."""
    (down, right), (rows, columns) = strides, places
    return [
        x[:, i : i + (rows - 1) * down + 1 : down, j : j + (columns - 1) * right + 1 : right]
        for i in range(window[0])
        for j in range(window[1])
    ]


def _products(parts: list[jax.Array], slope: jax.Array, narrow: bool) -> jax.Array:
    """Of what each offset met with the slope, over all rows and places."""
    flat = slope.reshape(-1, slope.shape[-1])
    if narrow:
        patches = jnp.concatenate(parts, -1)
        return patches.reshape(-1, patches.shape[-1]).T @ flat
    return jnp.stack([part.reshape(-1, part.shape[-1]).T @ flat for part in parts])
