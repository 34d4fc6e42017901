"""There and back for every kind of array, and the way there against Keras's own layers."""

from __future__ import annotations

import numpy as np
import pytest

from trimaran import zoo
from trimaran.backends.keras.weights import UNKNOWN, from_keras, pairs, to_keras
from trimaran.spec import layers as L
from trimaran.spec import sequential
from trimaran.weights import draw


@pytest.mark.parametrize("name", [n for n in zoo.ZOO if n not in ("resnet101", "resnet152")])
def test_there_and_back(name: str) -> None:
    shape = (67, 67, 3) if "alexnet" in name else (32, 32, 3)
    large = max(zoo.ZOO[name].input_shape) > 100
    model = zoo.build(name, shape if large else None, 10 if large else None)
    arrays, table = draw(model, 0), pairs(model)
    there = to_keras(table, arrays)
    back = from_keras(table, there)
    assert list(back) == [key for key in arrays if not key.endswith(UNKNOWN)]
    for key, values in back.items():
        np.testing.assert_array_equal(values, arrays[key])


def test_the_features_of_a_flattened_map_change_their_order() -> None:
    model = sequential([L.Flatten(), L.Dropout(0.5), L.Dense(2, name="out")], (2, 3, 4))
    weight = np.arange(48.0).reshape(2, 24)
    kernel = to_keras(pairs(model), {"out.weight": weight})["out/kernel"]
    for c in range(4):
        for h in range(2):
            for w in range(3):
                np.testing.assert_array_equal(
                    kernel[(h * 3 + w) * 4 + c], weight[:, (c * 2 + h) * 3 + w]
                )


def test_depthwise_kernels_keep_their_channels() -> None:
    model = sequential([L.DepthwiseConv2D(2, depth_multiplier=3, name="deep")], (5, 5, 4))
    weight = np.arange(48.0).reshape(12, 1, 2, 2)
    kernel = to_keras(pairs(model), {"deep.weight": weight})["deep/kernel"]
    assert kernel.shape == (2, 2, 4, 3)
    assert kernel[1, 0, 2, 1] == weight[2 * 3 + 1, 0, 1, 0]
