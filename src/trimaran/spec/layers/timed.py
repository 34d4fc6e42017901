"""Keras's word for a layer that does the same to every step of a sequence."""

from __future__ import annotations

from dataclasses import replace

from trimaran.errors import DescriptionError
from trimaran.spec.layer import Layer
from trimaran.spec.layers.core import Activation, Dense, Dropout, Rescaling
from trimaran.spec.layers.normalization import LayerNormalization

BY_STEP = (Activation, Dense, Dropout, LayerNormalization, Rescaling)


def TimeDistributed(layer: Layer, name: str | None = None) -> Layer:  # noqa: N802
    """The layer on each step by itself. Those that work over the last axis alone do that already,
    so it is the layer itself, under the name given here.

    Raises `DescriptionError` for a layer that looks at more than the last axis.
    """
    if not isinstance(layer, BY_STEP):
        raise DescriptionError(
            f"TimeDistributed: expected one of {', '.join(kind.__name__ for kind in BY_STEP)}, got "
            f"{type(layer).__name__}, which looks at more than one axis; call it before the steps "
            "are put together."
        )
    return replace(layer, name=name or layer.name)
