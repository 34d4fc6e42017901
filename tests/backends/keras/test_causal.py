"""A causal convolution is written as Keras writes it."""

import pytest

from trimaran.backends.keras.emit import emit
from trimaran.spec import Input, functional
from trimaran.spec import layers as L


@pytest.mark.parametrize(
    ("layer", "written"),
    [
        (L.Conv1D(4, 3, dilation_rate=2, padding="causal"), 'padding="causal"'),
        (L.Conv1D(4, 3, strides=2, padding=((2, 0),)), 'padding="causal"'),
        (L.Conv1D(4, 3, padding=((0, 2),)), "layers.ZeroPadding1D((0, 2)"),
        (L.Conv1D(4, 1, padding="causal"), "layers.Conv1D(4, 1, name"),
    ],
)
def test_causal(layer: L.Conv1D, written: str) -> None:
    x = Input((8, 3))
    assert written in emit(functional(x, layer(x)))
