"""Gradient health: from a few numbers per layer to a sentence that names layer and remedy.

The measures: root mean square of a layer's weight gradient, the size of an update against the
weights it changes, units of an activation that answer 0 to every row, and values that sit in the
flat ends of a squashing function.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# A layer's gradient against the largest of all layers. Sound networks of the zoo stay above
# 1e-3; each sigmoid layer multiplies by at most 1/4, so ten of them fall below it.
VANISHING = 1e-3
# The norm of all gradients together; sound runs stay within a few tens.
EXPLODING = 1e3
# ‖update‖ / ‖weights‖ of one step; about 1e-3 is usual (A. Karpathy, CS231n notes).
UPDATE_HIGH = 0.3
DEAD = 0.5
SATURATED = 0.5


@dataclass(frozen=True)
class LayerHealth:
    """One layer with weights, in the order of the forward pass, measured at one update.

    gradient:  root mean square of the weight's gradient       size: number of weights
    update:    ‖change of the weight‖ / ‖weight‖
    dead:      part of the units after it that are 0 for every row of the batch, if a ReLU follows
    saturated: part of the values in the flat ends, if a sigmoid or tanh follows
    """

    layer: str
    gradient: float
    size: int
    update: float
    dead: float | None = None
    saturated: float | None = None


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, where, and what to try."""

    layer: str
    what: str
    text: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.text} {self.remedy}"


def diagnose(layers: Sequence[LayerHealth]) -> tuple[Diagnosis, ...]:
    """The diagnoses of one update, the gravest first; none for a healthy network."""
    return (*_exploding(layers), *_vanishing(layers), *_units(layers))


def _exploding(layers: Sequence[LayerHealth]) -> list[Diagnosis]:
    norms = [layer.gradient * math.sqrt(layer.size) for layer in layers]
    total = math.sqrt(sum(norm * norm for norm in norms))
    remedy = "Lower the learning rate, set clip_norm: 1, or add normalization before it."
    if not total <= EXPLODING:
        worst = layers[max(range(len(norms)), key=lambda i: _rank(norms[i]))].layer
        text = f"The gradients explode: their norm is {total:.3g}, the largest part in {worst}."
        return [Diagnosis(worst, "exploding", text, remedy)]
    return [
        Diagnosis(
            layer.layer,
            "exploding",
            f"One update changes {layer.layer} by {layer.update:.0%} of its size.",
            "Lower the learning rate or warm it up.",
        )
        for layer in layers
        if layer.update > UPDATE_HIGH
    ][:1]


def _rank(norm: float) -> float:
    return norm if math.isfinite(norm) else math.inf


def _vanishing(layers: Sequence[LayerHealth]) -> list[Diagnosis]:
    largest = max((layer.gradient for layer in layers), default=0.0)
    if not 0 < largest < math.inf:
        return []
    weak = [layer for layer in layers if layer.gradient < VANISHING * largest]
    if not weak:
        return []
    worst = min(weak, key=lambda layer: layer.gradient)
    text = (
        f"The gradient vanishes in {worst.layer}: it is {worst.gradient / largest:.1e} of the "
        f"largest layer's, so this layer hardly learns."
    )
    remedy = "Use relu with he_normal weights, batch normalization, or skip connections."
    return [Diagnosis(worst.layer, "vanishing", text, remedy)]


def _units(layers: Sequence[LayerHealth]) -> list[Diagnosis]:
    found = []
    for layer in layers:
        if layer.dead is not None and layer.dead > DEAD:
            text = f"{layer.dead:.0%} of the ReLU units after {layer.layer} are 0 on every row."
            remedy = "Lower the learning rate, use leaky_relu, or he_normal weights."
            found.append(Diagnosis(layer.layer, "dead", text, remedy))
        if layer.saturated is not None and layer.saturated > SATURATED:
            text = f"{layer.saturated:.0%} of the activations after {layer.layer} are saturated."
            remedy = "Scale the inputs, use smaller initial weights, or relu instead."
            found.append(Diagnosis(layer.layer, "saturated", text, remedy))
    return found
