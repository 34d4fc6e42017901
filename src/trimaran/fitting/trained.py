"""What the estimators keep of a fit: the network and the scales around it, as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trimaran import spec


@dataclass(frozen=True, eq=False)
class Scale:
    """(value - center) / scale, column by column."""

    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray, weights: np.ndarray, channels: int | None = None) -> Scale:
        """Weighted mean and standard deviation of each of the (N, d) columns.

        With `channels`, columns are flattened pictures and share the two numbers of their channel.
        A constant column keeps the scale 1.
        """
        rows = values.reshape(len(values), -1, channels or values.shape[1])
        total = weights.sum() * rows.shape[1]
        center = np.einsum("n,npc->c", weights, rows) / total
        spread = np.einsum("n,npc->c", weights, np.square(rows - center)) / total
        scale = np.sqrt(spread)
        scale[scale <= 1e-12 * np.maximum(np.abs(center), 1.0)] = 1.0
        return cls(np.tile(center, rows.shape[1]), np.tile(scale, rows.shape[1]))

    def apply(self, values: np.ndarray) -> np.ndarray:
        return np.asarray((values - self.center) / self.scale)

    def undo(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(values * self.scale + self.center)


@dataclass(frozen=True, eq=False)
class Trained:
    """What fitting found: the network's description and weights, and the scales around it."""

    model: spec.Model
    weights: Mapping[str, np.ndarray]
    inputs: Scale
    targets: Scale | None

    def arrays(self) -> dict[str, np.ndarray]:
        """Weights and scales under one set of keys, as a safetensors file can hold them."""
        found = {f"weights/{key}": np.asarray(a, order="C") for key, a in self.weights.items()}
        for name, scale in (("inputs", self.inputs), ("targets", self.targets)):
            if scale is not None:
                found |= {f"{name}/center": scale.center, f"{name}/scale": scale.scale}
        return found

    @classmethod
    def from_arrays(cls, model: spec.Model, arrays: Mapping[str, np.ndarray]) -> Trained:
        """The inverse of `arrays`, for the same description."""
        scales = {
            name: Scale(arrays[f"{name}/center"], arrays[f"{name}/scale"])
            for name in ("inputs", "targets")
            if f"{name}/center" in arrays
        }
        weights = {key: arrays[f"weights/{key}"] for key in model.parameters}
        return cls(model, weights, scales["inputs"], scales.get("targets"))


def fitting_description(
    model: spec.Model, shape: tuple[int, ...], units: int, head: str | None
) -> spec.Model:
    """The model itself; `ValueError` unless it takes rows of `shape`, gives (units,) and ends in
    `head`, where there is to be one."""
    takes, gives = model.shapes[0], model.output_shape(model.outputs[0][0])
    alone = len(model.inputs) == len(model.outputs) == 1
    if not alone or takes != shape or gives != (units,):
        raise ValueError(
            f"The model {model.name} takes rows of {takes} and gives {gives}; the data need one "
            f"input of {shape} and one output of {(units,)}."
        )
    if head not in (None, *model.heads.values()):
        raise ValueError(f"The model {model.name} must end in {head} to give probabilities.")
    return model
