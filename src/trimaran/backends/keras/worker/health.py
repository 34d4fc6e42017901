"""What the activations of a Keras network do, for the health of its layers.

The measures are those of the PyTorch twin; gradients and updates are measured by the loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trimaran.spec.layers import Activation
from trimaran.spec.model import Model

_DEAD = ("relu", "relu6")
_FLAT = {"sigmoid": (0.02, 0.98), "tanh": (-0.98, 0.98)}


def watched(model: Model) -> dict[str, tuple[str, str]]:
    """Layer path -> (activation, its path) of the first activation that follows each weight."""
    heads = {value for name, value in model.outputs if name in model.heads}
    matrices = {
        key.rpartition(".")[0]
        for key, parameter in model.parameters.items()
        if len(parameter.shape) > 1
    }
    found: dict[str, tuple[str, str]] = {}
    layer = ""
    for leaf in model.leaves:
        if leaf.path in matrices:
            layer = leaf.path
        given = leaf.layer
        if not isinstance(given, Activation) or leaf.output in heads or layer in found:
            continue
        if layer and (given.activation in _DEAD or given.activation in _FLAT):
            found[layer] = (given.activation, leaf.path)
    return found


def units(model: Model, heard: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Layer path -> {"dead": part} or {"saturated": part}, from what its activation
    answered."""
    found: dict[str, dict[str, float]] = {}
    for path, (name, _) in watched(model).items():
        array = np.asarray(heard[path])
        if name in _DEAD:
            found[path] = {"dead": _dead(array)}
        else:
            low, high = _FLAT[name]
            found[path] = {"saturated": float(((array < low) | (array > high)).mean())}
    return found


def change(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray], name: str) -> float:
    """‖change of a weight‖ / ‖weight‖."""
    size = float(np.linalg.norm(before[name]))
    return float(np.linalg.norm(after[name] - before[name])) / size if size else 0.0


def _dead(array: np.ndarray) -> float:
    """The part of units (channels, or features) that are 0 for every row and position."""
    return float((array.max(axis=tuple(range(array.ndim - 1))) <= 0).mean())
