"""Initial weights, drawn in NumPy so that every backend starts from the same numbers.

Each parameter has a Philox generator of its own, keyed by the seed and by a hash of the
parameter's key (Salmon et al. 2011): adding, removing or reordering layers changes no other draw.
Numbers are always drawn in float32 and then cast, so a float64 network is the float32 one.
"""

from __future__ import annotations

from hashlib import blake2b
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from trimaran.errors import RecipeError
from trimaran.spec import Model, Parameter
from trimaran.spec.initializers import (
    Constant,
    Gates,
    Normal,
    Orthogonal,
    Uniform,
    VarianceScaling,
)

Array = NDArray[Any]

SHRINK = 0.87962566103423978
"""Standard deviation of a standard normal that is cut off at ±2 (Keras divides by it)."""


def draw(model: Model, seed: int, dtype: DTypeLike = np.float32) -> dict[str, Array]:
    """Every array of the model, in the order of `model.parameters`.

    Args:
        seed: 0 to 2⁶⁴ - 1; equal seeds give equal weights.
        dtype: of the floating arrays; counters keep the integer type of their description.

    Raises:
        RecipeError: the seed is out of range.
    """
    check_seed(seed)
    return {
        key: draw_one(parameter, seed, key).astype(
            dtype if parameter.dtype == "float32" else parameter.dtype, copy=False
        )
        for key, parameter in model.parameters.items()
    }


def check_seed(seed: int) -> None:
    """Refuses with `RecipeError` what keys no stream of random numbers."""
    if not 0 <= seed < 2**64:
        raise RecipeError(f"seed: expected a whole number from 0 to 2**64 - 1, got {seed}.")


def draw_one(parameter: Parameter, seed: int, key: str) -> Array:
    """One array in float32, from the generator of that seed and key."""
    rng = generator(seed, key)
    match parameter.initial:
        case Constant(value):
            return np.full(parameter.shape, value, np.float32)
        case Normal(stddev, truncated):
            return _normal(rng, parameter.shape, stddev, truncated)
        case Uniform(limit):
            return _uniform(rng, parameter.shape, limit)
        case VarianceScaling():
            return _scaled(rng, parameter, parameter.initial)
        case Orthogonal(gain):
            return _orthogonal(rng, parameter.shape, gain)
        case Gates(values):
            block = parameter.shape[0] // len(values)
            return np.repeat(np.asarray(values, np.float32), block)


def generator(seed: int, key: str) -> np.random.Generator:
    """The generator of one parameter: Philox keyed by (seed, blake2b of the key)."""
    name = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little")
    return np.random.Generator(np.random.Philox(key=np.array([seed, name], np.uint64)))


def _scaled(rng: np.random.Generator, parameter: Parameter, rule: VarianceScaling) -> Array:
    """Variance `scale / fan` in the distribution asked for (keras.initializers.VarianceScaling)."""
    fan_in, fan_out = parameter.fan
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[rule.mode]
    variance = rule.scale / max(1.0, fan)
    if rule.distribution == "uniform":
        return _uniform(rng, parameter.shape, sqrt(3 * variance))
    if rule.distribution == "truncated_normal":
        return _normal(rng, parameter.shape, sqrt(variance) / SHRINK, True)
    return _normal(rng, parameter.shape, sqrt(variance), False)


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], limit: float) -> Array:
    made = rng.random(shape, np.float32)
    made *= np.float32(2 * limit)
    made -= np.float32(limit)
    return np.asarray(made)


def _normal(
    rng: np.random.Generator, shape: tuple[int, ...], stddev: float, truncated: bool
) -> Array:
    made = np.asarray(rng.standard_normal(shape, np.float32))
    if truncated:
        _redraw(rng, made.reshape(-1))
    made *= np.float32(stddev)
    return made


def _orthogonal(rng: np.random.Generator, shape: tuple[int, ...], gain: float) -> Array:
    """The orthogonal factor of a normal matrix, its signs made those of a uniform draw (Mezzadri
    2007)."""
    rows, columns = shape[0], int(np.prod(shape[1:]))
    normal = rng.standard_normal((max(rows, columns), min(rows, columns)), np.float32)
    q, r = np.linalg.qr(normal.astype(np.float64))
    q *= np.where(np.diag(r) < 0, -1.0, 1.0)
    made = (q if rows >= columns else q.T).reshape(shape)
    return np.asarray(gain * made, np.float32)


def _redraw(rng: np.random.Generator, flat: Array) -> None:
    """Replace, in place, what lies beyond two standard deviations, until nothing does."""
    beyond = np.flatnonzero(np.abs(flat) > 2)
    while beyond.size:
        flat[beyond] = rng.standard_normal(beyond.size, np.float32)
        beyond = beyond[np.abs(flat[beyond]) > 2]
