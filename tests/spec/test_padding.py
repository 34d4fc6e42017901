"""Padded sequences in a description: who is told, who is refused, what blocks pass on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from trimaran.errors import DescriptionError
from trimaran.spec import (
    Composite,
    Input,
    Model,
    Symbol,
    from_json,
    functional,
    sequential,
    to_json,
)
from trimaran.spec import layers as L
from trimaran.spec.padding import Masking, leaves_padding_out, told_by
from trimaran.spec.stepping import stepwise
from trimaran.spec.transformer import TransformerDecoderBlock, TransformerEncoderBlock


def sentences(mask: bool = True) -> tuple[Symbol, Symbol]:
    tokens = Input((9,), name="tokens", dtype="int32")
    return tokens, L.Embedding(20, 4, mask_zero=mask)(tokens)


def test_a_chain_hands_the_tokens_to_who_must_know() -> None:
    kinds = [L.Embedding(20, 4, mask_zero=True), L.LSTM(3, return_sequences=True), L.Dense(2)]
    model = sequential([*kinds, L.GlobalAveragePooling1D()], (None,))
    taken = {leaf.path: leaf.inputs for leaf in model.leaves}
    assert taken == {"embedding1": (0,), "lstm1": (1, 0), "dense1": (2,), "pool1": (3, 0)}
    assert from_json(to_json(model)) == model


def test_without_a_mask_nothing_is_told() -> None:
    _, x = sentences(mask=False)
    model = functional([_], L.LSTM(3)(x))
    assert [leaf.inputs for leaf in model.leaves] == [(0,), (1,)]


@pytest.mark.parametrize(
    "layer",
    [L.Flatten(), L.Conv1D(2, 3), L.Conv1D(2, 3, strides=2, padding="same"), L.MaxPooling1D(),
     L.BatchNormalization(), L.Reshape((4, 9)), L.GroupNormalization(2)],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_a_layer_that_would_mix_data_with_padding_is_refused(layer: Any) -> None:
    _, x = sentences()
    with pytest.raises(DescriptionError, match=r"1 \(\w+\): expected a sequence without padding"):
        layer(x)


def test_a_convolution_reads_zeros_in_the_padding() -> None:
    tokens, x = sentences()
    y = L.GlobalMaxPooling1D()(L.Conv1D(2, 3, padding="same")(x))
    kinds = [type(leaf.layer).__name__ for leaf in functional(tokens, y).leaves]
    assert kinds == ["Embedding", "MaskSteps", "Conv1D", "GlobalMaxPooling1D"]


def test_a_number_added_in_the_padding_is_zero_again_for_a_convolution() -> None:
    tokens, x = sentences()
    y = L.GlobalMaxPooling1D()(L.Conv1D(2, 3, padding="same")(1 - x))
    kinds = [type(leaf.layer).__name__ for leaf in functional(tokens, y).leaves]
    assert kinds == ["Embedding", "Rescaling", "MaskSteps", "Conv1D", "GlobalMaxPooling1D"]


def test_an_output_for_each_step_is_refused() -> None:
    tokens, x = sentences()
    with pytest.raises(DescriptionError, match="answer: expected an output for each row"):
        functional(tokens, {"answer": L.Dense(2)(x)})


@pytest.mark.parametrize("shape", [(), (5,)])
def test_steps_may_be_told_by_an_input(shape: Any) -> None:
    x, steps = Input((5, 2), name="x"), Input(shape, name="steps", dtype="int32")
    model = functional([x, steps], L.GRU(3)(Masking()(x, steps)))
    assert [leaf.inputs for leaf in model.leaves] == [(0, 1)]


@pytest.mark.parametrize("steps", [Input((4,), dtype="int32"), Input(()), 3])
def test_steps_must_fit(steps: Any) -> None:
    with pytest.raises(DescriptionError, match="Masking: expected"):
        Masking()(Input((5, 2)), steps)


def test_attention_is_told_whose_padding_is_whose() -> None:
    """The first sequence's steps stand before the other's, each only where it is padded."""
    (tokens, x), (asked, y) = sentences(), sentences()
    whole = Input((3, 4), name="whole")
    made = [
        L.MultiHeadAttention(2, name="own")(x),
        L.MultiHeadAttention(2, name="both")(x, y),
        L.MultiHeadAttention(2, name="rows")(x, whole),
    ]
    keys = L.MultiHeadAttention(2, name="keys")(whole, y)
    pooled = [L.GlobalMaxPooling1D()(z) for z in (*made, keys)]
    model = functional([tokens, asked, whole], L.Concatenate()(pooled))
    found = {
        leaf.path: (leaf.layer.told, leaf.inputs[-len(leaf.layer.told) :], told_by(leaf))
        for leaf in model.leaves
        if isinstance(leaf.layer, L.MultiHeadAttention)
    }
    assert found == {
        "own": ((0,), (0,), [(0, 0)]),
        "both": ((0, 1), (0, 1), [(0, 0), (1, 1)]),
        "rows": ((0,), (0,), [(0, 0)]),
        "keys": ((1,), (1,), [(1, 1)]),
    }
    assert [leaf.inputs[1:] for leaf in model.leaves if "pool" in leaf.path][3] == ()
    assert from_json(to_json(model)) == model


def test_positions_and_blocks_keep_the_padding() -> None:
    tokens, x = sentences()
    for layer in (L.PositionEmbedding(9), L.SinePositionEncoding(), TransformerEncoderBlock(2, 4)):
        x = layer(x)  # type: ignore[assignment]
    assert x.valid is not None
    open_ = Input((None,), dtype="int32")
    y = TransformerDecoderBlock(2, 4)(x, L.Embedding(5, 4, mask_zero=True)(open_))
    model = functional([tokens, open_], L.LSTM(2)(y))
    assert [port.name for port in model.graph.table["transformer_decoder_block1"].inputs] == [  # type: ignore[union-attr]
        "x1", "x2", "steps", "steps2"
    ]  # fmt: skip
    assert leaves_padding_out(model, 1) and not leaves_padding_out(model, 0)


def test_a_token_at_a_time_has_no_padding() -> None:
    tokens, x = sentences()
    model = functional(tokens, L.GRU(2)(L.MultiHeadAttention(2, use_causal_mask=True)(x)))
    with pytest.raises(DescriptionError, match=r"attention1 \(MultiHeadAttention\) reads padded"):
        stepwise(model)


def test_two_kinds_of_padding_do_not_meet() -> None:
    (_, x), (_, y) = sentences(), sentences()
    with pytest.raises(DescriptionError, match="two kinds of padding"):
        L.Add()([x, y])


@dataclass(frozen=True)
class Encoder(Composite):
    """Keeps the steps."""

    units: int

    def build(self, *inputs: Any) -> Any:
        return L.LSTM(self.units, return_sequences=True)(inputs[0])


@dataclass(frozen=True)
class Feed(Composite):
    """Looks at one step at a time."""

    units: int

    def build(self, *inputs: Any) -> Any:
        return L.Dense(self.units)(inputs[0])


def test_blocks_pass_the_steps_on_and_ask_for_them_only_where_they_are_read() -> None:
    tokens, x = sentences()
    y = L.GlobalAveragePooling1D()(Feed(4)(Encoder(4)(x)))
    graph = functional(tokens, y).graph
    asked = {name: [port.name for port in op.inputs] for name, op in graph.layers[1:3]}  # type: ignore[union-attr]
    assert list(asked.values()) == [["x", "steps"], ["x"]] or list(asked.values()) == [
        ["inputs", "steps"],
        ["inputs"],
    ]
    assert [call.inputs for call in graph.calls] == [(0,), (1, 0), (2,), (3, 0)]


def test_padding_may_be_cut_only_where_nothing_reads_it() -> None:
    def model(length: int | None, mask: bool) -> Model:
        tokens = Input((length,), dtype="int32")
        return functional(tokens, L.GRU(2)(L.Embedding(9, 2, mask_zero=mask)(tokens)))

    assert leaves_padding_out(model(None, True), 0)
    assert not leaves_padding_out(model(5, True), 0)
    assert not leaves_padding_out(model(None, False), 0)


def test_a_layer_shared_by_padded_and_other_rows_is_refused() -> None:
    tokens, x = sentences()
    plain, layer = Input((9, 4), name="plain"), L.GRU(3, name="gru")
    with pytest.raises(DescriptionError, match="gru: .* once on padded rows and once on others"):
        functional([tokens, plain], L.Add()([layer(x), layer(plain)]))
