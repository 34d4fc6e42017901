"""Attention forwards and backwards (Vaswani et al. 2017, eq. 1; Su et al. 2021, eq. 34).

Sequences are (batch, time, features), heads (batch, head, time, key_dim), written Q, K and V.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from trimaran.backends.reference.activations import softmax, softmax_backward
from trimaran.backends.reference.arrays import (
    Array,
    Arrays,
    Backward,
    Forward,
    Parameters,
    Rule,
    rows,
    total,
)
from trimaran.backends.reference.steps import step_mask, unmoved
from trimaran.spec import Layer
from trimaran.spec.layers import MultiHeadAttention


@dataclass(frozen=True)
class Attended:
    """What the way back needs: the inputs, the heads, the weights A of the values, and the heads'
    outputs side by side; `at` is the position of the first query, `rows` says which of x's steps
    hold data, `steps` are the inputs that told it, and `scale` is what dropout makes of A."""

    inputs: Arrays
    heads: Arrays
    a: Array
    merged: Array
    at: Array
    rows: Array
    steps: Arrays
    scale: Array | float


def attend(layer: Any, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    """A = softmax(Q Kᵀ / √d), the output A V Wᵀ + b. A mask of 0 and 1 that is given as parameter
    `mask` drops entries of A in training, and the rest are divided by 1 - dropout."""
    inputs, steps = split_told(layer, inputs)
    x = inputs[0]
    memory = inputs[1] if len(inputs) == 2 else x
    rows, keys = _padding(layer, x, memory, steps)
    at = inputs[3] if layer.cached else np.zeros((len(x), 1))
    q, k, v = _projected(layer, parameters, (x, memory), at)
    if layer.cached:
        k, v = (
            _placed(_split(layer, old), new, at)
            for old, new in zip(inputs[1:3], (k, v), strict=True)
        )
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[3])
    seen = _seen(layer, scores.shape, at) & keys[:, None, None]
    a = softmax(np.where(seen, scores, -np.inf))
    mask = parameters.get("mask") if training else None
    scale = 1.0 if mask is None else mask / (1.0 - layer.dropout)
    merged = _merged((a * scale) @ v)
    y = merged @ parameters["out_proj.weight"].T
    y = y + parameters["out_proj.bias"] if layer.use_bias else y
    y = np.where(rows[..., None], y, 0.0)
    cache = Attended(inputs, (q, k, v), a, merged, at, rows, steps, scale)
    return ((y, _merged(k), _merged(v), at + 1.0) if layer.cached else y), cache


def beside(layer: Any, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    """Sequences beside each other, (batch, rows, time, features), as so many in a batch."""
    x = inputs[0]
    if x.ndim == 3:
        return attend(layer, parameters, inputs, training)
    y, cache = attend(layer, parameters, (x.reshape(-1, *x.shape[2:]),), training)
    return y.reshape(x.shape), cache


def beside_backward(layer: Any, parameters: Parameters, cache: Attended, gradient: Any) -> Backward:
    """The same for δ."""
    if layer.cached or gradient.ndim == 3:
        return attend_backward(layer, parameters, cache, gradient)
    delta = gradient.reshape(-1, *gradient.shape[2:])
    (into,), found = attend_backward(layer, parameters, cache, delta)
    return (into.reshape(gradient.shape),), found


def attend_backward(layer: Any, parameters: Parameters, cache: Attended, gradient: Any) -> Backward:
    """δA = δO Vᵀ, δV = Aᵀ δO, δS from δA by softmax's Jacobian, then δQ = δS K / √d and
    δK = δSᵀ Q / √d, each back through its projection."""
    delta, *behind = gradient if layer.cached else (gradient,)
    delta = np.where(cache.rows[..., None], delta, 0.0)
    q, k, v = cache.heads
    found = {"out_proj.weight": rows(delta).T @ rows(cache.merged)}
    if layer.use_bias:
        found["out_proj.bias"] = total(delta)
    o = _split(layer, delta @ parameters["out_proj.weight"])
    a = cache.a * cache.scale
    s = softmax_backward(cache.a, o @ v.swapaxes(2, 3) * cache.scale) / np.sqrt(q.shape[3])
    sent: Arrays = (s @ k, s.swapaxes(2, 3) @ q, a.swapaxes(2, 3) @ o)
    kept: Arrays = ()
    if layer.cached:
        whole = [part + _split(layer, d) for part, d in zip(sent[1:], behind[:2], strict=True)]
        here = _here(whole[0].shape[2], cache.at)
        kept = (*(_merged(np.where(here, 0.0, part)) for part in whole), behind[2])
        news = ((part * here).sum(axis=2, keepdims=True) for part in whole)
        sent = (sent[0], *news)
    into, projections = _projected_back(layer, parameters, cache, sent)
    return (*into, *kept, *unmoved(cache.steps)), {**projections, **found}


def split_told(layer: Any, inputs: Arrays) -> tuple[Arrays, Arrays]:
    """(the layer's own inputs, those that say which steps hold data)."""
    own = len(inputs) - len(layer.told)
    return inputs[:own], inputs[own:]


def _padding(layer: Any, x: Array, memory: Array, steps: Arrays) -> tuple[Array, Array]:
    """Which steps of x hold data, and which of memory, each (batch, time)."""
    told = dict(zip(layer.told, steps, strict=True))
    rows, keys = ((told[place],) if place in told else () for place in (0, 1))
    return step_mask(x, rows), step_mask(memory, rows if memory is x else keys)


def _projected(layer: Any, parameters: Parameters, given: Arrays, at: Array) -> Arrays:
    """Q of the first sequence, K and V of the second; without rotary a key's bias changes
    nothing."""
    x, memory = given
    weights, (q, k, v) = np.split(parameters["in_proj_weight"], 3), _biases(layer, parameters)
    made = (x @ weights[0].T + q, memory @ weights[1].T + k, memory @ weights[2].T + v)
    q, k, v = (_split(layer, part) for part in made)
    return (turned(q, at), turned(k, at), v) if layer.rotary else (q, k, v)


def _biases(layer: Any, parameters: Parameters) -> Any:
    if not layer.use_bias:
        return 0.0, 0.0, 0.0
    q, k, v = np.split(parameters["in_proj_bias"], 3)
    return q, k if layer.rotary else 0.0, v


def _projected_back(
    layer: Any, parameters: Parameters, cache: Attended, sent: Arrays
) -> tuple[Arrays, dict[str, Array]]:
    """∂L/∂(the sequences), and ∂L/∂(the projections)."""
    q, k, v = sent
    if layer.rotary:
        q, k = turned(q, cache.at, -1.0), turned(k, cache.at, -1.0)
    deltas = [_merged(part) for part in (q, k, v)]
    x = cache.inputs[0]
    memory = cache.inputs[1] if len(cache.inputs) == 2 else x
    weights = np.split(parameters["in_proj_weight"], 3)
    reached = [delta @ weight for delta, weight in zip(deltas, weights, strict=True)]
    read = (x, memory, memory)
    found = {"in_proj_weight": np.concatenate(
        [rows(delta).T @ rows(given) for delta, given in zip(deltas, read, strict=True)]
    )}  # fmt: skip
    if layer.use_bias:
        totals = [total(delta) for delta in deltas]
        totals[1] = totals[1] if layer.rotary else np.zeros_like(totals[1])
        found["in_proj_bias"] = np.concatenate(totals)
    both = reached[1] + reached[2]
    return ((reached[0], both) if len(cache.inputs) == 2 else (reached[0] + both,)), found


def _split(layer: Any, x: Array) -> Array:
    """(batch, time, heads · d) → (batch, heads, time, d)."""
    return x.reshape(*x.shape[:2], layer.num_heads, -1).swapaxes(1, 2)


def _merged(x: Array) -> Array:
    """The inverse of `_split`."""
    return x.swapaxes(1, 2).reshape(x.shape[0], x.shape[2], -1)


def _seen(layer: Any, shape: tuple[int, ...], at: Array) -> Array:
    """Which keys a query sees: all, or those up to its own position."""
    *_, time, other = shape
    if not (layer.use_causal_mask or layer.cached):
        return np.ones((time, other), bool)
    positions = np.arange(time) + at if layer.cached else np.arange(time)[None]
    return np.asarray(positions[:, None, :, None] >= np.arange(other))


def _here(room: int, at: Array) -> Array:
    """(batch, 1, room, 1): where the step's own key and value go, the oldest's place where all are
    filled."""
    return np.asarray((np.arange(room) == at % room)[:, None, :, None])


def _placed(kept: Array, new: Array, at: Array) -> Array:
    return np.where(_here(kept.shape[2], at), new, kept)


def turned(x: Array, at: Array, way: float = 1.0) -> Array:
    """Features i and i + d/2 of step t, turned by the angle t / 10000^(2i/d); `way` -1 turns
    back, which is the way of the gradient."""
    half = x.shape[3] // 2
    speeds = 10000.0 ** (-np.arange(half) / half)
    angles = way * ((np.arange(x.shape[2]) + at)[:, None, :, None] * speeds)
    a, b, cos, sin = x[..., :half], x[..., half:], np.cos(angles), np.sin(angles)
    return np.concatenate((a * cos - b * sin, b * cos + a * sin), axis=3)


RULES: dict[type[Layer], Rule] = {MultiHeadAttention: Rule(beside, beside_backward)}
