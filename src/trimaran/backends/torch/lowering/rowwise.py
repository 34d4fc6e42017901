"""What a step computes of one row, in NumPy: see `trimaran.backends.torch.lowering.graph`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from trimaran.backends.torch.lowering.program import Program

Floats = NDArray[Any]


def linear(program: Program, x: Floats, weight: Floats, bias: Floats | None) -> Floats:
    """Weight (out, in) times the row, and a bias. A vector of it, because BLAS takes a matrix of
    one row for a matrix. Weights that never change lie the other way round, (in, out): so they are
    read in longer runs, up to 1.6 times as fast."""
    row = program.reshaped(x, (-1,))
    if weight.flags.writeable:
        y = program.make(weight.dot, row)
    else:
        y = program.make(row.dot, np.ascontiguousarray(weight.T))
    if bias is not None:
        program.do(np.add, y, bias, y)
    return y


def layer_norm(
    program: Program, x: Floats, weight: Floats | None, bias: Floats | None, epsilon: float
) -> Floats:
    """Layer normalization (Ba et al. 2016, equations 3 and 4) of the row."""
    row = program.reshaped(x, (-1,))
    # The product that becomes the mean takes half of the time that a sum does.
    mean = program.make(row.dot, np.full(row.size, 1 / row.size, row.dtype))
    y = program.make(np.subtract, row, mean)
    scale = program.make(y.dot, y)
    program.do(_to_scale, scale, row.size, epsilon)
    program.do(np.multiply, y, scale, y)
    if weight is not None:
        program.do(np.multiply, y, weight, y)
    if bias is not None:
        program.do(np.add, y, bias, y)
    return y.reshape(x.shape)


def _to_scale(squares: Floats, size: int, epsilon: float) -> None:
    """The sum of squares becomes one over the deviation."""
    squares[()] = 1.0 / math.sqrt(squares.item() / size + epsilon)


def gelu(program: Program, x: Floats) -> Floats:
    """x times the normal distribution's function of x (Hendrycks and Gimpel 2016)."""
    half, one, root = (np.asarray(number, x.dtype) for number in (0.5, 1.0, math.sqrt(0.5)))
    y = program.make(np.multiply, x, root)
    program.do(erf, y, y)
    program.do(np.add, y, one, y)
    program.do(np.multiply, y, half, y)
    program.do(np.multiply, y, x, y)
    return y


def softmax(program: Program, x: Floats) -> Floats:
    """Along the last axis."""
    folded = np.empty((*x.shape[:-1], 1), x.dtype)
    program.do(_largest, x, folded)
    y = program.make(np.subtract, x, folded)
    program.do(np.exp, y, y)
    program.do(_sum, y, folded)
    program.do(np.divide, y, folded, y)
    return y


def _largest(x: Floats, out: Floats) -> None:
    np.maximum.reduce(x, axis=-1, out=out, keepdims=True)


def _sum(x: Floats, out: Floats) -> None:
    np.add.reduce(x, axis=-1, out=out, keepdims=True)


def attention(
    program: Program, heads: tuple[Floats, Floats, Floats], seen: Floats | None, scale: float | None
) -> Floats:
    """Scaled dot products (Vaswani et al. 2017, equation 1).

    heads: (1, heads, 1, features) of the query, (1, heads, T, features) of keys and of values, of
        which those are attended to that are `seen` (1, 1, 1, T)
    """
    query, key, value = (array[0] for array in heads)
    factor = np.asarray(1.0 / math.sqrt(query.shape[-1]) if scale is None else scale, query.dtype)
    scaled = program.make(np.multiply, query, factor)
    folded = np.empty((len(query), 1, 1), query.dtype)
    out = np.empty(query.shape[:2] + value.shape[2:], value.dtype)
    mask = None if seen is None else program.reshaped(seen, (-1,))
    program.do(_attended, scaled, key.swapaxes(1, 2), value, mask, folded, out)
    return out[None]


def _attended(
    query: Floats, key: Floats, value: Floats, seen: Floats | None, folded: Floats, out: Floats
) -> None:
    """The mean of the values by the softmax of the products, into `out`. `folded` has room for a
    number of each head."""
    if seen is not None:
        count = np.count_nonzero(seen)
        if np.count_nonzero(seen[:count]) == count:  # the first ones: only they are looked at
            key, value, seen = key[:, :, :count], value[:, :count], None
    scores = np.matmul(query, key)
    if seen is not None:
        scores = np.where(seen, scores, -np.inf)
    _largest(scores, folded)
    np.subtract(scores, folded, scores)
    np.exp(scores, scores)
    _sum(scores, folded)
    np.matmul(scores, value, out)
    np.divide(out, folded, out)


def put(states: Floats, place: NDArray[np.int64], row: Floats) -> None:
    """The row comes to its place among the states, which `place` repeats for each of its
    numbers."""
    states[:, place.item(0)] = row
