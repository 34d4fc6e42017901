"""Whether a description computes what the user's own model does: held before it is given back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from trimaran.backends.protocol import Translation
from trimaran.comparison.problem import drawn, use_of
from trimaran.errors import ConversionError
from trimaran.spec.layer import Shape
from trimaran.steps.implementation import implementation

Rows = Mapping[str, np.ndarray]
ROWS, UNKNOWN, TOLERANCE = 2, 64, 1e-4
"""Rows asked, the size taken for an axis of unknown length, and the largest deviation relative to
the largest output. The user's model may be float32 and deep; keras.applications' VGG16, ResNet50
and ResNet50V2 differed by 2e-7 at most."""


def rows(translation: Translation, seed: int = 0) -> dict[str, np.ndarray]:
    """Random rows for every input of the model."""
    draw = np.random.default_rng(seed)
    return {
        port.name: drawn(draw, (ROWS, *_sizes(port.shape)), use_of(translation.model, place))
        for place, port in enumerate(translation.model.inputs)
    }


def hold(translation: Translation, forward: Callable[[Rows], Rows]) -> None:
    """Ask both sides on random rows: PyTorch from the description, and the user's own model.

    Raises:
        ConversionError: their outputs differ.
    """
    given = rows(translation)
    network = implementation("torch").network(translation.model, translation.weights)
    ours, theirs = network.forward(given).outputs, forward(given)
    for name, _ in translation.model.outputs:
        found = deviation(np.asarray(theirs[name]), ours[name])
        if not found <= TOLERANCE:
            raise ConversionError(
                f"The description of {translation.model.name!r} was read, but its output {name!r} "
                f"is not the model's own (they differ by {found:.1g} of the largest entry, "
                f"expected {TOLERANCE:.0e} at most); the model does more than its layers tell, "
                "so move what its call() adds into layers."
            )


def deviation(theirs: np.ndarray, ours: np.ndarray) -> float:
    """The largest difference relative to the largest entry; infinite for other shapes."""
    if theirs.shape != ours.shape:
        return float("inf")
    largest = float(np.abs(theirs).max(initial=0.0)) or 1.0
    return float(np.abs(theirs.astype(np.float64) - ours).max(initial=0.0)) / largest


def _sizes(shape: Shape) -> tuple[int, ...]:
    return tuple(UNKNOWN if size is None else int(size) for size in shape)
