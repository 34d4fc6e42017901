"""Scores of a split from what a network gave for it."""

from __future__ import annotations

import numpy as np

from trimaran.backends.torch.build import TorchNetwork
from trimaran.data.batches import Rows
from trimaran.data.preprocess import Preprocess
from trimaran.data.targets import Tokens
from trimaran.data.textfield import TextField
from trimaran.data.tokens import characters
from trimaran.spec import Input, Model, functional
from trimaran.spec import layers as L
from trimaran.steps.scoring import answers, score
from trimaran.weights import draw


def test_tokens_that_are_read_as_context_are_not_scored():
    """The first two of four are told badly, the others with probability one half."""
    field = TextField(characters("ab"), 4)
    rows = Rows(
        {"input": np.ones((3, 4), np.int32)},
        {"output": np.ones((3, 4), np.int64)},
        None,
        np.arange(3),
    )
    given = np.log([[1e-9, 1e-9, 0.5, 0.5]] * 3)
    told = np.stack([given, np.ones((3, 4))], axis=-1).astype(np.float32)

    def bits(context: int) -> float:
        preprocess = Preprocess({"input": field}, {"output": Tokens(3, "characters", context)})
        return score(rows, told, preprocess, 0).metrics["bits_per_character"].value

    assert bits(0) > 10
    assert abs(bits(2) - 1) < 1e-6


def reader(masked: bool) -> Model:
    words = Input((None,), dtype="int32")
    x = L.Embedding(9, 4, mask_zero=masked)(words)
    x = L.GlobalMaxPooling1D()(L.LSTM(3, return_sequences=True)(x))
    return functional(words, L.Activation("softmax")(L.Dense(2)(x)), "reader")


class Heard(TorchNetwork):
    """Remembers the shapes that it was given."""

    def forward(self, inputs, *rest, affine=None):
        self.shapes = [*getattr(self, "shapes", []), inputs["input"].shape]
        return super().forward(inputs, *rest, affine=affine)


def test_padded_rows_are_read_by_length_and_answered_in_their_order():
    """What reads its padding is given all of it."""
    rng = np.random.default_rng(0)
    lengths = rng.permutation(np.arange(512) % 20 + 1)
    words = np.where(np.arange(20) < lengths[:, None], rng.integers(1, 9, (512, 20)), 0)
    given = {"input": words.astype(np.int32)}
    rows = Rows(
        given, {"output": np.zeros(512, int)}, None, np.arange(512), lengths={"input": lengths}
    )
    for masked, steps in ((True, [5, 10, 15, 20]), (False, [20] * 4)):
        network = Heard(reader(masked), draw(reader(masked), 0))
        found = answers(network, rows)
        assert [shape[1] for shape in network.shapes] == steps
        wanted = network.forward(given).outputs["output"]
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)
