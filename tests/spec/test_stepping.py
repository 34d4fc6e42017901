"""A model a step at a time gives what the whole sequence gives."""

from __future__ import annotations

import numpy as np
import pytest

from trimaran import zoo
from trimaran.backends.reference import BACKEND
from trimaran.errors import DescriptionError
from trimaran.spec import Composite, Input, Model, from_json, functional, to_json
from trimaran.spec import layers as L
from trimaran.spec.stepping import stepwise
from trimaran.weights import draw


def stacked() -> Model:
    """Two kinds of layers, a residual, and a normalization."""
    tokens = Input((None,), dtype="int32")
    x = L.Embedding(7, 5)(tokens)
    x = L.GRU(5, return_sequences=True)(x) + x
    x = L.LayerNormalization()(x)
    x = L.LSTM(4, return_sequences=True)(L.Dropout(0.5)(x))
    x = L.SimpleRNN(3, return_sequences=True)(x)
    return functional(tokens, L.Dense(7, activation="softmax")(x), "stacked")


def one_at_a_time(model: Model, tokens: np.ndarray) -> np.ndarray:
    steps = stepwise(model)
    network = BACKEND.build(steps.model, draw(model, 0, np.float64))
    states = {name: np.zeros((len(tokens), *shape)) for name, shape in steps.states.items()}
    found = []
    for t in range(tokens.shape[1]):
        outputs = dict(network.forward({"input": tokens[:, t : t + 1], **states}).outputs)
        found.append(outputs.pop("output")[:, 0])
        states = outputs
    return np.stack(found, axis=1)


@pytest.mark.parametrize(
    "model", [stacked(), zoo.build("charlstm", classes=7), zoo.build("chargru", classes=7)],
    ids=lambda model: model.name,
)  # fmt: skip
def test_steps_equal_the_whole(model: Model):
    tokens = np.random.default_rng(0).integers(0, 7, (3, 9))
    whole = BACKEND.build(model, draw(model, 0, np.float64)).forward({"input": tokens})
    apart = np.abs(one_at_a_time(model, tokens) - whole.outputs["output"]).max()
    assert apart <= 1e-14


def test_a_state_that_is_not_carried_shows():
    """Planted: each step from zeros."""
    model = zoo.build("charlstm", classes=7)
    tokens = np.random.default_rng(0).integers(0, 7, (1, 9))
    whole = BACKEND.build(model, draw(model, 0, np.float64)).forward({"input": tokens})
    alone = np.concatenate([one_at_a_time(model, tokens[:, t : t + 1]) for t in range(9)], 1)
    assert np.abs(alone - whole.outputs["output"]).max() > 1e-4


def test_weights_and_states_are_those_of_the_model():
    model = stacked()
    steps = stepwise(model)
    assert steps.model.parameters == model.parameters
    assert steps.states == {"gru1_h": (5,), "lstm1_h": (4,), "lstm1_c": (4,), "rnn1_h": (3,)}
    assert from_json(to_json(steps.model)) == steps.model


def test_states_reach_into_blocks():
    class Twice(Composite):
        def build(self, x):
            return L.GRU(5, return_sequences=True)(L.Dense(5)(x))

    tokens = Input((None,), dtype="int32")
    x = L.Embedding(7, 5)(tokens)
    x = Twice()(Twice()(x))
    model = functional(tokens, L.Dense(7, activation="softmax")(x), "nested")
    tokens_ = np.random.default_rng(0).integers(0, 7, (2, 6))
    whole = BACKEND.build(model, draw(model, 0, np.float64)).forward({"input": tokens_})
    assert np.abs(one_at_a_time(model, tokens_) - whole.outputs["output"]).max() <= 1e-14


def cannot(layer: L.Layer) -> Model:
    tokens = Input((6,), dtype="int32")
    x = layer(L.Embedding(7, 5)(tokens))
    return functional(tokens, x, "model")


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (L.LSTM(4), r"lstm1 \(LSTM\) gives only its last step"),
        (L.Conv1D(4, 3), r"conv1 \(Conv1D\) needs more of the sequence than one step"),
        (L.Flatten(), r"flatten1 \(Flatten\) needs more"),
    ],
)
def test_what_needs_the_whole_is_refused(layer: L.Layer, told: str):
    with pytest.raises(DescriptionError, match=told):
        stepwise(cannot(layer))
