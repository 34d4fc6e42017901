"""The variables of a Keras model under the keys of a description, in PyTorch's layouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trimaran.backends.keras.reading.blocks import Origins
from trimaran.backends.keras.reading.given import Path, Variables
from trimaran.backends.keras.weights import UNKNOWN, Pair, from_keras, pairs, silent
from trimaran.errors import ConversionError
from trimaran.spec.model import Model

Arrays = dict[str, np.ndarray]


def neutral(model: Model, variables: Mapping[Path, Variables], origins: Origins) -> Arrays:
    """Every array of the model, in the order of its parameters.

    Raises:
        ConversionError: a layer has no variable of that name, or one of another shape.
    """
    table = pairs(model)
    found = dict(from_keras(table, by_name(table, variables, origins)))
    found |= {key: np.zeros(shape, np.float32) for key, shape in silent(model).items()}
    arrays = {
        key: np.zeros((), np.int64) if key.endswith(f".{UNKNOWN}") else found[key]
        for key in model.parameters
    }
    for key, parameter in model.parameters.items():
        if arrays[key].shape != tuple(parameter.shape):
            raise ConversionError(
                f"{key}: expected the shape {tuple(parameter.shape)}, but the Keras model holds "
                f"{arrays[key].shape}; build the model again from its config."
            )
    return arrays


def by_name(
    table: Mapping[str, Pair], variables: Mapping[Path, Mapping[str, Any]], origins: Origins
) -> dict[str, Any]:
    """The user's variables, or their values, by the name that they have in an emitted source."""
    return {
        pair.name: _variable(variables, *origins[path], variable)
        for pair in table.values()
        for path, _, variable in [pair.name.rpartition("/")]
    }


def _variable(
    variables: Mapping[Path, Mapping[str, Any]], path: Path, ending: str, name: str
) -> Any:
    """A layer's variable; of those of SeparableConv2D, the kernels carry an ending as well."""
    own = variables.get(path, {})
    for known in (f"{ending}_{name}", name):
        if known in own:
            return own[known]
    raise ConversionError(
        f"Layer {'.'.join(path)!r} has no variable {name!r}: call the model once, so that its "
        "weights are made."
    )
