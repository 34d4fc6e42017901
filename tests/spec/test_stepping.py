"""A model a step at a time gives what the whole sequence gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from trimaran import zoo
from trimaran.backends.reference import BACKEND
from trimaran.backends.torch.build import TorchBackend
from trimaran.errors import DescriptionError
from trimaran.spec import Composite, Input, Model, from_json, functional, to_json
from trimaran.spec import layers as L
from trimaran.spec.stepping import PLACE, stepwise
from trimaran.spec.transformer import TransformerDecoderBlock, TransformerEncoderBlock
from trimaran.weights import draw


def stacked() -> Model:
    """Two kinds of layers, a residual, plain numbers, and a normalization."""
    tokens = Input((None,), dtype="int32")
    x = L.Embedding(7, 5)(tokens)
    x = L.GRU(5, return_sequences=True)(x) + (2 * x - 1)
    x = L.LayerNormalization()(x)
    x = L.LSTM(4, return_sequences=True)(L.Dropout(0.5)(x))
    x = L.SimpleRNN(3, return_sequences=True)(x)
    return functional(tokens, L.Dense(7, activation="softmax")(x), "stacked")


def attentive() -> Model:
    """Each kind of positions, blocks of both orders, heads of another size, and a GRU between."""
    tokens = Input((None,), dtype="int32")
    x = L.SinePositionEncoding()(L.Embedding(7, 4)(tokens))
    x = TransformerDecoderBlock(2, 8, 0.5)(TransformerDecoderBlock(2, 8, normalize="last")(x))
    x = L.GRU(4, return_sequences=True)(x)
    x = L.MultiHeadAttention(3, 6, use_causal_mask=True, rotary=True)(x)
    x = TransformerDecoderBlock(1, 5, rotary=True)(L.PositionEmbedding(9)(x))
    return functional(tokens, L.Dense(7, activation="softmax")(x), "attentive")


def one_at_a_time(model: Model, tokens: np.ndarray) -> np.ndarray:
    steps = stepwise(model)
    network = BACKEND.build(steps.model, draw(model, 0, np.float64))
    rooms = {name: tuple(n or 9 for n in shape) for name, shape in steps.states.items()}
    states = {name: np.zeros((len(tokens), *shape)) for name, shape in rooms.items()}
    found = []
    for t in range(tokens.shape[1]):
        outputs = dict(network.forward({"input": tokens[:, t : t + 1], **states}).outputs)
        found.append(outputs.pop("output")[:, 0])
        states = outputs
    return np.stack(found, axis=1)


@pytest.mark.parametrize(
    "model", [
        stacked(), attentive(), zoo.build("charlstm", classes=7), zoo.build("chargru", classes=7),
        zoo.build("chargpt", (9,), classes=7), zoo.build("charlstm-cell", classes=7),
    ],
    ids=lambda model: model.name,
)  # fmt: skip
def test_steps_equal_the_whole(model: Model):
    tokens = np.random.default_rng(0).integers(0, 7, (3, 9))
    whole = BACKEND.build(model, draw(model, 0, np.float64)).forward({"input": tokens})
    apart = np.abs(one_at_a_time(model, tokens) - whole.outputs["output"]).max()
    assert apart <= 1e-14


@pytest.mark.parametrize("rotary", [True, False])
def test_beyond_its_room_a_step_sees_the_last_ones(rotary: bool):
    """One layer of attention, which knows at most how far apart two steps are."""
    tokens = Input((None,), dtype="int32")
    layer = L.MultiHeadAttention(2, 4, use_causal_mask=True, rotary=rotary)
    model = functional(tokens, L.Dense(7)(layer(L.Embedding(7, 6)(tokens))))
    given = np.random.default_rng(0).integers(0, 7, (3, 31))
    found = one_at_a_time(model, given)
    whole = BACKEND.build(model, draw(model, 0, np.float64))
    assert not stepwise(model).placed
    for end in range(1, 32):
        wanted = whole.forward({"input": given[:, max(0, end - 9) : end]}).outputs["output"]
        assert np.abs(found[:, end - 1] - wanted[:, -1]).max() <= 1e-13
    assert (
        np.abs(wanted[:, -1] - whole.forward({"input": given}).outputs["output"][:, -1]).max()
        > 1e-5
    )


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


def test_keys_and_values_have_a_row_for_each_step():
    steps = stepwise(attentive())
    assert steps.longest == 9 and stepwise(stacked()).longest is None
    assert steps.placed and not stepwise(stacked()).placed
    assert steps.states["attention1_k"] == steps.states["attention1_v"] == (None, 18)
    assert steps.states["attention1_at"] == (1,)
    assert from_json(to_json(steps.model)) == steps.model


def test_all_states_that_count_steps_are_equal():
    """A backend may give one for all of them."""
    model = zoo.build("chargpt", (9,), classes=7)
    steps = stepwise(model)
    counting = [name for name in steps.states if name.endswith(PLACE)]
    assert len(counting) == 6 and all(steps.states[name] == (1,) for name in counting)
    network = BACKEND.build(steps.model, draw(model, 0, np.float64))
    states = {
        n: np.zeros((1, *(9 if d is None else d for d in s))) for n, s in steps.states.items()
    }
    for number in range(1, 4):
        outputs = dict(network.forward({"input": np.array([[2]]), **states}).outputs)
        outputs.pop("output")
        states = outputs
        assert {float(states[name].item()) for name in counting} == {float(number)}


def test_attention_to_another_sequence_is_refused():
    tokens = Input((6,), dtype="int32")
    x = L.Embedding(7, 4)(tokens)
    x = L.MultiHeadAttention(2, use_causal_mask=True)(x, L.Dense(4)(x))
    with pytest.raises(DescriptionError, match="attends to another sequence, so the model cannot"):
        stepwise(functional(tokens, x))


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


@dataclass(frozen=True)
class Cell(Composite):
    """A block whose layers are printed in its own words."""

    units: int

    def build(self, x):
        x = L.GRU(self.units * 2, return_sequences=True)(x)
        return L.MultiHeadAttention(self.units, 2, use_causal_mask=True)(x)


def test_steps_of_named_blocks_are_written_and_answer_alike():
    tokens = Input((None,), dtype="int32")
    x = Cell(3)(Cell(2)(L.Embedding(7, 5)(tokens)))
    steps = stepwise(functional(tokens, L.Dense(7)(x)))
    weights = draw(steps.model, 0, np.float64)
    given = {name: np.zeros((2, *(n or 4 for n in s))) for name, s in steps.states.items()}
    given["input"] = np.array([[1], [2]], np.int32)
    ours = BACKEND.build(steps.model, weights).forward(given).outputs
    theirs = TorchBackend().build(steps.model, weights, "float64").forward(given).outputs
    assert set(ours) == set(theirs) == {"output", *steps.states}
    assert all(np.abs(ours[name] - theirs[name]).max() <= 1e-14 for name in ours)


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
        (L.MultiHeadAttention(5), r"attention1 \(MultiHeadAttention\) sees later steps"),
        (TransformerEncoderBlock(5, 2), r"ock1.attention \(MultiHeadAttention\) sees later"),
    ],
)
def test_what_needs_the_whole_is_refused(layer: L.Layer, told: str):
    with pytest.raises(DescriptionError, match=told):
        stepwise(cannot(layer))


@dataclass(frozen=True)
class Memory(Composite):
    """A layer with a state."""

    units: int

    def build(self, x: Any) -> Any:  # type: ignore[override]
        return L.GRU(self.units, return_sequences=True)(x)


def test_states_of_a_shared_block_or_of_padded_rows_are_refused() -> None:
    """Two calls of one block would carry two states under one name."""
    tokens, block = Input((None,), dtype="int32"), Memory(4)
    x = L.Embedding(5, 4)(tokens)
    with pytest.raises(DescriptionError, match=r"\(Memory\) has states and is called twice"):
        stepwise(functional(tokens, L.Dense(5)(block(block(x)))))
    padded = L.Embedding(5, 4, mask_zero=True)(tokens)
    y = L.GRU(2)(L.GRU(3, return_sequences=True, name="first")(padded))
    with pytest.raises(DescriptionError, match=r"first \(GRU\) reads padded rows"):
        stepwise(functional(tokens, y))
