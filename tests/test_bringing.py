"""`trimaran.from_keras` on a live model, in a process of its own, where Keras may be imported."""

from __future__ import annotations

from tests.plain_keras import LEAN, on_jax

CODE = (
    LEAN
    + """
import keras, numpy as np, trimaran
from keras import layers

class Lying(keras.Sequential):
    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training=training, mask=mask)

def chain(kind):
    model = kind([keras.Input((6, 5, 3)), layers.Conv2D(4, 3, padding="same", strides=2),
                  layers.BatchNormalization(), layers.Flatten(), layers.Dense(2)], name="small")
    for variable in model.weights:
        variable.assign(np.random.default_rng(1).uniform(0.1, 1, variable.shape))
    return model

found = trimaran.from_keras(chain(keras.Sequential))
print(found)
print("nn.Conv2d" in found.to_source(), "Sequential(" in found.to_source("keras", "sequential"))
try:
    trimaran.from_keras(chain(Lying))
except trimaran.TrimaranError as refused:
    print(type(refused).__name__, refused)
try:
    trimaran.from_keras(layers.Dense(3))
except trimaran.TrimaranError as refused:
    print(type(refused).__name__, refused)
"""
)


def test_a_live_model_is_given_back_only_where_its_outputs_are_equal() -> None:
    lines = on_jax(CODE)
    convolution, norm, dense = 3 * 3 * 3 * 4 + 4, 2 * 4, 3 * 3 * 4 * 2 + 2
    assert convolution + norm + dense == 194
    assert lines[0] == "<Brought small, 194 parameters in 9 arrays>"
    assert lines[1] == "True True"
    assert lines[2].startswith("ConversionError The description of 'small' was read, but its")
    assert lines[3].startswith("ConversionError Dense is no Keras model")
