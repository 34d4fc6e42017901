"""A network of single steps as a function; its states travel to the worker and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trimaran.backends.keras.build import KerasBackend
from trimaran.backends.protocol import Array, Step
from trimaran.spec.model import Model


def stepper(backend: KerasBackend, model: Model, weights: Mapping[str, np.ndarray]) -> Step:
    """The network in float32 as a step."""
    network = backend.build(model, weights, "float32")

    def step(given: Mapping[str, Array]) -> dict[str, Array]:
        return dict(network.forward(given).outputs)

    return step
