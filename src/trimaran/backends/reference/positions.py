"""Positions added to a sequence: learned, or sines (Vaswani et al. 2017, §3.5)."""

from __future__ import annotations

from typing import Any

import numpy as np

from trimaran.backends.reference.arrays import Array, Arrays, Backward, Forward, Parameters, Rule
from trimaran.spec import Layer
from trimaran.spec.layers import PositionEmbedding, SinePositionEncoding


def _steps(layer: Any, inputs: Arrays) -> Array:
    """(batch, time) or (1, time): the number of each step."""
    return np.arange(inputs[0].shape[-2]) + (inputs[1] if layer.cached else np.zeros((1, 1)))


def _given(layer: Any, y: Array, inputs: Arrays) -> Any:
    return (y, inputs[1] + 1.0) if layer.cached else y


def embed(
    layer: PositionEmbedding, parameters: Parameters, inputs: Arrays, training: bool
) -> Forward:
    """y_t = x_t + W_t."""
    steps = _steps(layer, inputs).astype(np.int64)
    return _given(layer, inputs[0] + parameters["weight"][steps], inputs), steps


def embed_backward(
    layer: PositionEmbedding, parameters: Parameters, cache: Array, gradient: Any
) -> Backward:
    """∂L/∂W_t = Σ δ_t over the batch; x gets δ as it is."""
    delta, *behind = gradient if layer.cached else (gradient,)
    found = np.zeros_like(parameters["weight"])
    np.add.at(found, np.broadcast_to(cache, delta.shape[:-1]), delta)
    return (delta, *behind), {"weight": found}


def waves(
    layer: SinePositionEncoding, parameters: Parameters, inputs: Arrays, training: bool
) -> Forward:
    """y_tj = x_tj + sin or cos of t / wavelength^(2⌊j/2⌋ / features)."""
    features = np.arange(inputs[0].shape[-1])
    speeds = layer.max_wavelength ** (-2.0 * (features // 2) / len(features))
    angles = _steps(layer, inputs)[..., None] * speeds
    y = inputs[0] + np.where(features % 2 == 0, np.sin(angles), np.cos(angles))
    return _given(layer, y, inputs), None


def waves_backward(
    layer: SinePositionEncoding, parameters: Parameters, cache: None, gradient: Any
) -> Backward:
    """x gets δ as it is."""
    return (tuple(gradient) if layer.cached else (gradient,)), {}


RULES: dict[type[Layer], Rule] = {
    PositionEmbedding: Rule(embed, embed_backward),
    SinePositionEncoding: Rule(waves, waves_backward),
}
