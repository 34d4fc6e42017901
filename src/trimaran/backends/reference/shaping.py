"""Layers that only move, cut or repeat entries; each backward moves δ back by the same path."""

from __future__ import annotations

import numpy as np

from trimaran.backends.reference.arrays import Array, Arrays, Backward, Forward, Parameters, Rule
from trimaran.spec import Layer
from trimaran.spec.layers import (
    Cropping1D,
    Cropping2D,
    Flatten,
    Permute,
    Reshape,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)


def reshape(
    layer: Flatten | Reshape, parameters: Parameters, inputs: Arrays, training: bool
) -> Forward:
    """The same entries, in channels-last order."""
    (x,) = inputs
    target = (-1,) if isinstance(layer, Flatten) else layer.target_shape
    return x.reshape(x.shape[0], *target), x.shape


def reshape_backward(
    layer: Flatten | Reshape, parameters: Parameters, cache: tuple[int, ...], gradient: Array
) -> Backward:
    """δ in the input's shape."""
    return (gradient.reshape(cache),), {}


def permute(layer: Permute, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    """y's axis i is x's axis dims[i]."""
    return inputs[0].transpose(0, *layer.dims), None


def permute_backward(
    layer: Permute, parameters: Parameters, cache: None, gradient: Array
) -> Backward:
    """The inverse order, which sorting the order gives."""
    return (gradient.transpose(np.argsort((0, *layer.dims))),), {}


def pad(
    layer: ZeroPadding1D | ZeroPadding2D, parameters: Parameters, inputs: Arrays, training: bool
) -> Forward:
    """Zeros around the map."""
    return np.pad(inputs[0], ((0, 0), *layer.padding, (0, 0))), None


def pad_backward(
    layer: ZeroPadding1D | ZeroPadding2D, parameters: Parameters, cache: None, gradient: Array
) -> Backward:
    """δ without the border."""
    return (_cut(gradient, layer.padding),), {}


def crop(
    layer: Cropping1D | Cropping2D, parameters: Parameters, inputs: Arrays, training: bool
) -> Forward:
    """The map without its border."""
    return _cut(inputs[0], layer.cropping), None


def crop_backward(
    layer: Cropping1D | Cropping2D, parameters: Parameters, cache: None, gradient: Array
) -> Backward:
    """δ, and zeros where the border was cut."""
    return (np.pad(gradient, ((0, 0), *layer.cropping, (0, 0))),), {}


def _cut(x: Array, edges: tuple[tuple[int, int], ...]) -> Array:
    spatial = zip(edges, x.shape[1:-1], strict=True)
    return x[(slice(None), *(slice(before, n - after) for (before, after), n in spatial))]


def upsample(
    layer: UpSampling1D | UpSampling2D, parameters: Parameters, inputs: Arrays, training: bool
) -> Forward:
    """y = M x along each spatial axis; the rows of M say which inputs mix into an output."""
    (x,) = inputs
    factors = (layer.size,) if isinstance(layer, UpSampling1D) else layer.size
    sizes = zip(x.shape[1:-1], factors, strict=True)
    matrices = tuple(mixing(n, factor, _bilinear(layer)) for n, factor in sizes)
    return _along(matrices, x), matrices


def upsample_backward(
    layer: UpSampling1D | UpSampling2D, parameters: Parameters, cache: Arrays, gradient: Array
) -> Backward:
    """∂L/∂x = Mᵀ δ along each spatial axis."""
    return (_along(tuple(matrix.T for matrix in cache), gradient),), {}


def mixing(size: int, factor: int, bilinear: bool) -> Array:
    """M of shape (size·factor, size).

    Nearest: output i is input ⌊i/factor⌋. Bilinear between pixel centres (corners not aligned):
    output i lies at s = (i + ½)/factor - ½ of the input, held inside it, and takes 1 - t of input
    ⌊s⌋ and t = s - ⌊s⌋ of the next.
    """
    outputs = np.arange(size * factor)
    if not bilinear:
        return np.asarray(np.eye(size)[outputs // factor])
    place = np.clip((outputs + 0.5) / factor - 0.5, 0.0, size - 1.0)
    low = np.floor(place).astype(np.int64)
    high, t = np.minimum(low + 1, size - 1), (place - low)[:, None]
    return np.asarray((1.0 - t) * np.eye(size)[low] + t * np.eye(size)[high])


def _bilinear(layer: UpSampling1D | UpSampling2D) -> bool:
    return isinstance(layer, UpSampling2D) and layer.interpolation == "bilinear"


def _along(matrices: Arrays, x: Array) -> Array:
    for axis, matrix in enumerate(matrices, start=1):
        x = np.moveaxis(np.tensordot(matrix, x, axes=(1, axis)), 0, axis)
    return x


_RESHAPE = Rule(reshape, reshape_backward)
_PAD, _CROP = Rule(pad, pad_backward), Rule(crop, crop_backward)
_UPSAMPLE = Rule(upsample, upsample_backward)
RULES: dict[type[Layer], Rule] = {
    Flatten: _RESHAPE,
    Reshape: _RESHAPE,
    Permute: Rule(permute, permute_backward),
    ZeroPadding1D: _PAD,
    ZeroPadding2D: _PAD,
    Cropping1D: _CROP,
    Cropping2D: _CROP,
    UpSampling1D: _UPSAMPLE,
    UpSampling2D: _UPSAMPLE,
}
