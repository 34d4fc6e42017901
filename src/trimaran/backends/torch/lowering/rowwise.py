"""What a step computes of one row, in NumPy: see `trimaran.backends.torch.lowering.graph`."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, expit

Floats = NDArray[np.float32]
_ROOT_HALF = math.sqrt(0.5)

sigmoid = expit  # of SciPy, which never overflows


def linear(x: Floats, weight: Floats, bias: Floats | None, shape: tuple[int, ...]) -> Floats:
    """Weight (out, in) times the row, and a bias. A vector of it, because BLAS takes a matrix of
    one row for a matrix."""
    y: Floats = weight.dot(x.reshape(-1))
    if bias is not None:
        y += bias
    return y.reshape(shape)


def layer_norm(x: Floats, weight: Floats | None, bias: Floats | None, epsilon: float) -> Floats:
    """Layer normalization (Ba et al. 2016, equations 3 and 4) of the row."""
    row: Floats = x.reshape(-1)
    row = row - row.dot(_mean(row.size))
    row *= 1.0 / math.sqrt(row.dot(row) / row.size + epsilon)
    if weight is not None:
        row *= weight
    if bias is not None:
        row += bias
    return row.reshape(x.shape)


@cache
def _mean(size: int) -> Floats:
    """By which a row is multiplied to become its mean, in half of the time that a sum takes."""
    return np.full(size, 1 / size, np.float32)


def gelu(x: Floats) -> Floats:
    """x times the normal distribution's function of x (Hendrycks and Gimpel 2016)."""
    y: Floats = erf(x * _ROOT_HALF)
    y += 1.0
    y *= 0.5
    y *= x
    return y


def softmax(x: Floats) -> Floats:
    """Along the last axis."""
    y = x - np.maximum.reduce(x, axis=-1, keepdims=True)
    np.exp(y, out=y)
    y /= np.add.reduce(y, axis=-1, keepdims=True)
    return y


def attention(
    query: Floats, key: Floats, value: Floats, seen: NDArray[np.bool_] | None, scale: float | None
) -> Floats:
    """Scaled dot products (Vaswani et al. 2017, equation 1): (1, heads, 1, features) of the query,
    (1, heads, T, features) of keys and values, of which those are attended to that are `seen`."""
    query = query * (1.0 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if seen is None:
        return softmax(query @ key.swapaxes(-1, -2)) @ value
    count = np.count_nonzero(seen)
    if np.count_nonzero(seen[..., :count]) == count:  # the first ones: only they are looked at
        key, value = key[:, :, :count], value[:, :, :count]
        return softmax(query @ key.swapaxes(-1, -2)) @ value
    return softmax(np.where(seen, query @ key.swapaxes(-1, -2), -np.inf)) @ value


def put(states: Floats, place: NDArray[np.int64], row: Floats) -> Floats:
    """The states with the row in their place, which `place` repeats for each of its numbers."""
    states[:, place.item(0)] = row[:, 0]
    return states
