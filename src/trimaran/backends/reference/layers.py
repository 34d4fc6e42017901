"""Every layer's rule in one table, and the two functions that look a layer up in it."""

from __future__ import annotations

from typing import Any

from trimaran.backends.reference import (
    attention,
    convolution,
    core,
    embedding,
    merging,
    normalization,
    pooling,
    positions,
    recurrent,
    shaping,
    steps,
)
from trimaran.backends.reference.arrays import Arrays, Backward, Forward, Parameters, Rule
from trimaran.spec import Layer

RULES: dict[type[Layer], Rule] = {
    **core.RULES,
    **convolution.RULES,
    **pooling.RULES,
    **normalization.RULES,
    **shaping.RULES,
    **merging.RULES,
    **embedding.RULES,
    **recurrent.RULES,
    **steps.RULES,
    **attention.RULES,
    **positions.RULES,
}


def forward(layer: Layer, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    """The layer's output (several as a tuple), and the cache for `backward`."""
    return RULES[type(layer)].forward(layer, parameters, inputs, training)


def backward(layer: Layer, parameters: Parameters, cache: Any, gradient: Any) -> Backward:
    """∂L/∂inputs and ∂L/∂parameters from δ = ∂L/∂output (several as a tuple)."""
    return RULES[type(layer)].backward(layer, parameters, cache, gradient)
