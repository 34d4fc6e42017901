"""The reference as a backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trimaran.backends.reference.arrays import Array
from trimaran.backends.reference.emit import emit
from trimaran.backends.reference.network import ReferenceNetwork
from trimaran.errors import RecipeError, RunError
from trimaran.spec import Model


@dataclass(frozen=True)
class ReferenceBackend:
    """Builds networks of the reference; it computes in float64 only."""

    name: str = "reference"

    def emit(self, model: Model) -> str:
        """The steps that the network computes, one a line."""
        return emit(model)

    def build(
        self, model: Model, weights: Mapping[str, Array], precision: str = "float64"
    ) -> ReferenceNetwork:
        """A network holding a copy of these weights.

        Raises:
            RecipeError: another precision than float64 is asked for.
            RunError: an array is missing or has another shape than the model's.
        """
        if precision != "float64":
            raise RecipeError(
                f"reference: expected precision float64, got {precision}; the reference computes "
                "in nothing else."
            )
        arrays = {key: _checked(key, p.shape, weights) for key, p in model.parameters.items()}
        return ReferenceNetwork(model, arrays, emit(model))


def _checked(key: str, shape: tuple[int, ...], weights: Mapping[str, Array]) -> Array:
    if key not in weights:
        raise RunError(f"weights: {key} is missing; expected an array of shape {shape}.")
    array = np.array(weights[key], dtype=np.float64)
    if array.shape != shape:
        raise RunError(
            f"weights: {key} has shape {array.shape}, expected {shape}; they belong to another "
            "model."
        )
    return array


BACKEND = ReferenceBackend()
