"""Integrated gradients: the shares of a linear network are exact, those of others add up."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trimaran.backends.protocol import Network
from trimaran.backends.torch.build import TorchBackend
from trimaran.explain.words import table_of, word_shares
from trimaran.spec import Input, Model, functional
from trimaran.spec import layers as L
from trimaran.tasks.loss import Loss
from trimaran.weights import draw


def reader(recurrent: bool) -> Model:
    tokens = Input((6,), name="input", dtype="int32")
    x = L.Embedding(9, 4, mask_zero=True, name="table")(tokens)
    x = L.LSTM(5)(x) if recurrent else L.GlobalAveragePooling1D()(x)
    return functional(tokens, L.Dense(3, activation="softmax", name="out")(x), "reader")


def logarithm(network: Network, tokens: np.ndarray, answer: np.ndarray) -> np.ndarray:
    chance = network.forward({"input": tokens}).outputs["output"]
    return np.log(chance[np.arange(len(answer)), answer])


def test_the_shares_add_up_to_what_the_words_change() -> None:
    """Completeness (prop. 1 of the paper): their sum is log p(text) - log p(no words)."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, 9, (8, 6)).astype(np.int32)
    tokens[::2, 4:] = 0
    for recurrent in (False, True):
        model = reader(recurrent)
        weights = {k: 3 * v for k, v in draw(model, 0, np.float64).items()}

        def build(given: Mapping[str, np.ndarray], model: Model = model) -> Network:
            return TorchBackend().build(model, given, "float64")

        answer = rng.integers(0, 3, 8)
        loss = Loss("sparse_categorical_crossentropy").on(model.heads.get("output"))
        shares = word_shares(build, model, weights, tokens, ("output", loss, answer))
        silent = build({**weights, "table.weight": 0 * weights["table.weight"]})
        wanted = logarithm(build(weights), tokens, answer) - logarithm(silent, tokens, answer)
        np.testing.assert_allclose(shares.sum(axis=1), wanted, atol=1e-6)
        assert not shares[tokens == 0].any()


def test_a_model_without_one_table_has_none() -> None:
    assert table_of(reader(True)) == "table"
    x = Input((3,), name="input")
    assert table_of(functional(x, L.Dense(2)(x))) is None
