"""What a backend can do, without naming one.

Arrays that cross this face are NumPy, channels-last, with the batch first. Parameters and their
gradients are keyed and laid out as in `model.safetensors` (PyTorch's names and layouts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from trimaran.data.batches import Affine
from trimaran.spec import Model

Array = Any
"""A NumPy array; this file imports nothing outside the standard library and spec."""


@dataclass(frozen=True)
class Forward:
    """`outputs` by output name, heads (softmax, sigmoid) applied; `taps` by leaf path."""

    outputs: Mapping[str, Array]
    taps: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Gradients:
    """The loss, and its derivatives with respect to parameters, inputs and tapped values."""

    loss: float
    parameters: Mapping[str, Array]
    inputs: Mapping[str, Array]
    taps: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Translation:
    """Somebody's own model of a framework as a description, and its weights keyed and laid out as
    in `model.safetensors`."""

    model: Model
    weights: Mapping[str, Array]

    def __repr__(self) -> str:
        size, count = self.model.size, len(self.weights)
        arrays = f"{count} array{'s' if count != 1 else ''}"
        return f"<{type(self).__name__} {self.model.name}, {size:,} parameters in {arrays}>"


class Network(Protocol):
    """A built model with weights."""

    @property
    def model(self) -> Model:
        """The description."""
        ...

    @property
    def source(self) -> str:
        """The text that runs."""
        ...

    def forward(
        self,
        inputs: Mapping[str, Array],
        taps: Sequence[str] = (),
        training: bool = False,
        masks: Mapping[str, Array] | None = None,
        affine: Mapping[str, Affine] | None = None,
    ) -> Forward:
        """Outputs and the tapped leaves' outputs for a batch. An input may come as it is stored
        (see `data.batches.Rows`), with what makes floats of it under its name in `affine`.

        With `training`, batch statistics are used, and dropout is applied only where `masks` (by
        path, the batch first) say which entries it keeps: backends share no randomness.
        """
        ...

    def gradients(
        self,
        inputs: Mapping[str, Array],
        targets: Mapping[str, Array],
        losses: Mapping[str, Any],
        taps: Sequence[str] = (),
    ) -> Gradients:
        """Loss (a `tasks.Loss` per output) and gradients in training mode without dropout."""
        ...

    def weights(self) -> dict[str, Array]:
        """All arrays by their key in `model.safetensors`."""
        ...


class Step(Protocol):
    """One step of a network whose states between steps are inputs and outputs of the same names
    (see `trimaran.spec.stepping`)."""

    def __call__(self, given: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name, as NumPy arrays; the states among them are the backend's own arrays,
        to be given to the next step as they are, or through `np.asarray`. A step may write over
        states that were given and over those that the step before returned: whoever goes on from
        them twice keeps a copy."""
        ...


class Backend(Protocol):
    """Builds networks. `workflow.py` loads an implementation by name."""

    @property
    def name(self) -> str:
        """As recipes call it."""
        ...

    def emit(self, model: Model) -> str:
        """The source of the network."""
        ...

    def build(self, model: Model, weights: Mapping[str, Array], precision: str) -> Network:
        """A network holding these weights, in "float32" or "float64"."""
        ...
