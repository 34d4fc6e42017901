"""Trimaran's networks of the benchmarks: the zoo's, or a description of our own."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from trimaran.spec import Input, Model, functional, sequential, to_json
from trimaran.spec.blocks import Repeat
from trimaran.spec.initializers import Normal
from trimaran.spec.layers import (
    LSTM,
    Activation,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    LayerNormalization,
    PositionEmbedding,
)
from trimaran.spec.transformer import TransformerDecoderBlock

NETWORKS = ("cnn", "mlp", "mnist-mlp", "resnet18", "text", "charlstm", "gpt")


def chosen(network: str, folder: Path, rows: str, dropout: float) -> dict[str, Any]:
    """The recipe's `model:`; a description of our own is written into the folder.

    rows: the peers' file, which says how many characters "gpt" tells apart; dropout: its own
    """
    own = {"mlp": _mlp, "text": _reader, "gpt": lambda: _gpt(rows, dropout)}
    if network not in own:
        return {"zoo": {"cnn": "mnist-cnn"}.get(network, network)}
    path = folder / f"{network}.json"
    path.write_text(json.dumps(to_json(own[network]())))
    return {"spec": str(path)}


def _mlp() -> Model:
    """The 784-128-10 perceptron."""
    layers = [Flatten(), Dense(128, activation="relu"), Dense(10), Activation("softmax")]
    return sequential(layers, (28, 28, 1), "mlp-128")


def _reader() -> Model:
    """Embedding 20,000 × 128, LSTM 128, one sigmoid; no dropout."""
    layers = [Embedding(20_000, 128, mask_zero=True), LSTM(128), Dense(1), Activation("sigmoid")]
    return sequential(layers, (None,), "reader")


def _gpt(rows: str, dropout: float) -> Model:
    """Six blocks of 384 features in 6 heads over 256 characters, as nanoGPT's for Shakespeare."""
    with np.load(rows) as saved:
        characters = int(saved["size"])
    tokens = Input((None,), dtype="int32")
    drawn = Normal(0.02)  # as GPT-2's
    x = Embedding(characters, 384, embeddings_initializer=drawn)(tokens)
    x = PositionEmbedding(256, embeddings_initializer=drawn)(x)
    x = Dropout(dropout)(x) if dropout else x
    block = TransformerDecoderBlock(
        6, 4 * 384, dropout, "gelu", attention_dropout=dropout, kernel_initializer=drawn
    )
    x = Repeat(block, 6)(x)
    x = Dense(characters, kernel_initializer=drawn)(LayerNormalization(1e-5)(x))
    return functional(tokens, Activation("softmax")(x), "gpt")
