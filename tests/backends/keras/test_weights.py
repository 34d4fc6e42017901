"""There and back for every kind of array, and the way there against Keras's own layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trimaran import zoo
from trimaran.backends.keras.weights import UNKNOWN, from_keras, pairs, silent, to_keras
from trimaran.backends.keras.worker.names import named
from trimaran.backends.reference.layers import forward
from trimaran.errors import TrainingError
from trimaran.spec import Input, Model, functional, sequential
from trimaran.spec import layers as L
from trimaran.weights import draw


@pytest.mark.parametrize("name", [n for n in zoo.ZOO if n not in ("resnet101", "resnet152")])
def test_there_and_back(name: str) -> None:
    shape = (67, 67, 3) if "alexnet" in name else (32, 32, 3)
    sides = zoo.ZOO[name].input_shape
    large = max(sides) > 100 and len(sides) != 2
    model = zoo.build(name, shape if large else None, 10 if large else None)
    arrays, table = draw(model, 0), pairs(model)
    there = to_keras(table, arrays)
    back = from_keras(table, there)
    missing = silent(model)
    assert list(back) == [k for k in arrays if not k.endswith(UNKNOWN) and k not in missing]
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


# Recurrent layers -----------------------------------------------------------------------------


def alone(layer: Any, features: int = 3) -> Model:
    x = Input((4, features), name="x")
    return functional(x, layer(x))


def uneven(model: Model) -> dict[str, np.ndarray]:
    """Weights of which every entry is another, but for biases that are always 0."""
    rng = np.random.default_rng(0)
    return {
        key: np.zeros(p.shape) if key in silent(model) else rng.normal(size=p.shape)
        for key, p in model.parameters.items()
    }


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", [L.SimpleRNN, L.LSTM, L.GRU])
def test_gates_go_there_and_back(kind: Any, bias: bool) -> None:
    model = alone(kind(2, use_bias=bias, name="memory"))
    arrays, table = uneven(model), pairs(model)
    there = to_keras(table, arrays)
    columns = kind.GATES * 2
    shapes = {"memory/kernel": (3, columns), "memory/recurrent_kernel": (2, columns)}
    if bias:
        shapes["memory/bias"] = (2, columns) if kind is L.GRU else (columns,)
    assert {name: values.shape for name, values in there.items()} == shapes
    back = from_keras(table, there)
    assert set(back) == set(arrays) - set(silent(model))
    for key, values in back.items():
        np.testing.assert_array_equal(values, arrays[key])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def keras_rnn(x: np.ndarray, states: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    return (np.tanh(x @ kernel + bias + states[0] @ recurrent),)


def keras_lstm(x: np.ndarray, states: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    """Keras's LSTMCell: the columns are i, f, c, o."""
    h, c = states
    i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def keras_gru(x: np.ndarray, states: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    """Keras's GRUCell with reset_after: the columns are z, r, h; bias holds that of the inputs and
    the recurrent one."""
    (h,) = states
    xz, xr, xh = np.split(x @ kernel + bias[0], 3, axis=1)
    hz, hr, hh = np.split(h @ recurrent + bias[1], 3, axis=1)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    return (z * h + (1 - z) * np.tanh(xh + r * hh),)


CELLS = {L.SimpleRNN: keras_rnn, L.LSTM: keras_lstm, L.GRU: keras_gru}


@pytest.mark.parametrize("kind", CELLS)
def test_keras_formulas_on_keras_arrays_are_the_reference(kind: Any) -> None:
    """Written from Keras's documentation; the frameworks themselves stand in test_network.py."""
    layer = kind(2, name="memory")
    model = alone(layer)
    arrays = uneven(model)
    there = to_keras(pairs(model), arrays)
    x = np.random.default_rng(1).normal(size=(5, 4, 3))
    states = (np.zeros((5, 2)),) * kind.STATES
    for t in range(4):
        own = (there[f"memory/{name}"] for name in ("kernel", "recurrent_kernel", "bias"))
        states = CELLS[kind](x[:, t], states, *own)
    bare = {key.rpartition(".")[2]: values for key, values in arrays.items()}
    wanted, _ = forward(layer, bare, (x,), False)
    np.testing.assert_allclose(states[0], wanted, rtol=0, atol=1e-14)


@pytest.mark.parametrize("one", ["memory.bias_ih_l0", "memory.bias_hh_l0"])
def test_half_of_an_array_cannot_be_frozen(one: str) -> None:
    """Else Keras would train, without a word, what was to stay."""
    model = alone(L.GRU(2, name="memory"))
    told = rf"^freeze holds {one}, but not the other bias of memory.*with memory\.bias_\*, or nei"
    with pytest.raises(TrainingError, match=told):
        named(model, (one,))
    assert named(model, ("memory.bias_*",)).trained_names == (
        "memory/kernel",
        "memory/recurrent_kernel",
    )


@pytest.mark.parametrize("kind", [L.SimpleRNN, L.LSTM])
def test_a_bias_that_is_always_zero_may_be_frozen_as_on_pytorch(kind: Any) -> None:
    model = alone(kind(2, name="memory"))
    assert named(model, ("memory.bias_hh_l0",)).trained == named(model).trained
    with pytest.raises(TrainingError, match="matches no weight"):
        named(model, ("memory.bias_xx",))


def test_tables_of_embeddings_stay_as_they_are() -> None:
    words = Input((4,), name="words", dtype="int32")
    model = functional(words, L.Embedding(5, 2, name="words")(words))
    weight = np.arange(10.0).reshape(5, 2)
    found = to_keras(pairs(model), {"words.weight": weight})
    assert list(found) == ["words/embeddings"]
    np.testing.assert_array_equal(found["words/embeddings"], weight)
