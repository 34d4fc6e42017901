"""Loss functions and their derivatives.

One row (or, for an output of several positions, one position) has a loss l and a weight w, the
sample's times its class's. The loss of the batch is L = Σ w l / Σ w, so ∂L/∂z = w / Σ w · ∂l/∂z.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from trimaran.backends.reference.activations import log_softmax, sigmoid, softplus
from trimaran.backends.reference.arrays import Array
from trimaran.errors import TrainingError
from trimaran.tasks.loss import CLIP, PINBALL, Loss

TINY = 1e-30
"""Where every row weighs nothing, the loss is 0."""

Rowwise = tuple[Array, Array]
"""l of shape (rows,) and ∂l/∂z of shape (rows, k)."""


def categorical(z: Array, t: Array, logits: bool) -> Rowwise:
    """l = -Σᵢ tᵢ log pᵢ. On logits p = softmax(z) and ∂l/∂zᵢ = pᵢ Σⱼ tⱼ - tᵢ. On probabilities
    p = z/s with s = Σⱼ zⱼ, clipped, gᵢ = ∂l/∂pᵢ = -tᵢ/pᵢ and ∂l/∂zᵢ = (gᵢ - Σⱼ gⱼ zⱼ/s)/s."""
    if logits:
        log_p = log_softmax(z)
        return -(t * log_p).sum(-1), np.exp(log_p) * t.sum(-1, keepdims=True) - t
    total = z.sum(-1, keepdims=True)
    p, free = _clipped(z / total)
    g = np.where(free, -t / p, 0.0)
    return -(t * np.log(p)).sum(-1), (g - (g * z / total).sum(-1, keepdims=True)) / total


def binary(z: Array, t: Array, logits: bool) -> Rowwise:
    """l = -meanᵢ(tᵢ log pᵢ + (1 - tᵢ) log(1 - pᵢ)). On logits p = σ(z),
    l = meanᵢ(log(1 + e^zᵢ) - tᵢ zᵢ) and ∂l/∂zᵢ = (pᵢ - tᵢ)/k; on probabilities
    ∂l/∂pᵢ = (pᵢ - tᵢ)/(pᵢ(1 - pᵢ))/k."""
    k = z.shape[-1]
    if logits:
        return (softplus(z) - t * z).mean(-1), (sigmoid(z) - t) / k
    p, free = _clipped(z)
    slope = (p - t) / (p * (1.0 - p)) / k
    return -(t * np.log(p) + (1.0 - t) * np.log1p(-p)).mean(-1), np.where(free, slope, 0.0)


def squared(z: Array, t: Array, logits: bool) -> Rowwise:
    """l = meanᵢ(zᵢ - tᵢ)²;  ∂l/∂zᵢ = 2(zᵢ - tᵢ)/k."""
    return ((z - t) ** 2).mean(-1), 2.0 * (z - t) / z.shape[-1]


def absolute(z: Array, t: Array, logits: bool) -> Rowwise:
    """l = meanᵢ|zᵢ - tᵢ|;  ∂l/∂zᵢ = sign(zᵢ - tᵢ)/k, 0 at 0."""
    return np.abs(z - t).mean(-1), np.sign(z - t) / z.shape[-1]


def huber(z: Array, t: Array, logits: bool) -> Rowwise:
    """With e = zᵢ - tᵢ and its part c = max(-1, min(1, e)): l = meanᵢ(c e - c²/2), which is e²/2
    near 0 and |e| - ½ beyond 1;  ∂l/∂zᵢ = c/k (Huber 1964, δ = 1)."""
    e = z - t
    c = np.clip(e, -1.0, 1.0)
    return (c * e - 0.5 * c * c).mean(-1), c / z.shape[-1]


def pinball(z: Array, t: Array, levels: tuple[float, ...]) -> Rowwise:
    """With e = tᵢ - zᵢ and the level q of zᵢ: l = meanᵢ max(q e, (q - 1) e);  ∂l/∂zᵢ = -q/k where
    e > 0, (1 - q)/k where e < 0, 0 at 0 (Koenker and Bassett 1978)."""
    q = np.repeat(levels, z.shape[-1] // len(levels))
    e = t - z
    slope = np.where(e > 0, -q, np.where(e < 0, 1 - q, 0.0))
    return np.maximum(q * e, (q - 1) * e).mean(-1), slope / z.shape[-1]


KINDS: dict[str, Callable[[Array, Array, bool], Rowwise]] = {
    "sparse_categorical_crossentropy": categorical,
    "categorical_crossentropy": categorical,
    "binary_crossentropy": binary,
    "mean_squared_error": squared,
    "mean_absolute_error": absolute,
    "huber": huber,
}

HEADS = {"softmax": categorical, "sigmoid": binary}
"""Which loss works on the logits before which last activation."""


def matches(loss: Loss, head: str | None) -> bool:
    """Whether the loss takes this head off and works on the logits below it."""
    return loss.from_logits and head is not None and HEADS.get(head) is KINDS[loss.kind]


def evaluate(
    loss: Loss, output: Array, target: Array, logits: bool, weights: Array | None = None
) -> tuple[float, Array]:
    """The loss, `loss.weight` included, and ∂L/∂output.

    Args:
        output: (batch, ..., k), logits or probabilities or numbers.
        target: class ids (batch, ...), or (batch, ..., k).
        weights: (batch,) sample weights.
    """
    z = output.reshape(-1, output.shape[-1])
    t = _targets(loss, target, z)
    w = _weights(loss, t, output.shape, weights)
    if loss.kind == PINBALL:
        value, slope = pinball(z, t, loss.levels)
    else:
        value, slope = KINDS[loss.kind](z, _smoothed(loss, t), logits)
    share = loss.weight * w / max(w.sum(), TINY)
    return float((share * value).sum()), (share[:, None] * slope).reshape(output.shape)


def _targets(loss: Loss, target: Array, z: Array) -> Array:
    """Targets of z's shape; class ids become one-hot rows."""
    if loss.kind == "sparse_categorical_crossentropy":
        return np.asarray(np.eye(z.shape[-1])[np.asarray(target, dtype=np.int64).ravel()])
    t = np.asarray(target, dtype=np.float64)
    if loss.kind == PINBALL:
        t = np.concatenate([t] * len(loss.levels), axis=-1)
    if t.size != z.size:
        raise TrainingError(
            f"{loss.kind}: expected a target of {z.shape[-1]} numbers per row like the output's, "
            f"got an array of shape {t.shape}; mend the target column or the last layer."
        )
    return t.reshape(z.shape)


def _smoothed(loss: Loss, t: Array) -> Array:
    """t(1 - s) + s/k for classes, and t(1 - s) + s/2 for yes or no."""
    if not loss.label_smoothing:
        return t
    classes = 2 if KINDS[loss.kind] is binary else t.shape[-1]
    return t * (1.0 - loss.label_smoothing) + loss.label_smoothing / classes


def _weights(loss: Loss, t: Array, shape: tuple[int, ...], weights: Array | None) -> Array:
    """w of shape (rows,): the sample's weight times the weight of its class."""
    sample = np.ones(shape[0]) if weights is None else np.asarray(weights, dtype=np.float64)
    w = np.repeat(sample, t.shape[0] // shape[0])
    if loss.class_weights is None:
        return w
    per_class: Any = np.asarray(loss.class_weights, dtype=np.float64)
    if KINDS[loss.kind] is binary:
        return np.asarray(w * (t * per_class[1] + (1.0 - t) * per_class[0]).mean(-1))
    return np.asarray(w * per_class[t.argmax(-1)])


def _clipped(p: Array) -> tuple[Array, Array]:
    """p held in [CLIP, 1 - CLIP], and where it was inside: beyond, the slope is 0."""
    return np.clip(p, CLIP, 1.0 - CLIP), (p >= CLIP) & (p <= 1.0 - CLIP)
