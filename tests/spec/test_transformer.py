"""The blocks of Transformers are those of PyTorch, and refuse what they cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from trimaran.backends.reference import BACKEND
from trimaran.errors import DescriptionError
from trimaran.layers import TransformerDecoderBlock, TransformerEncoderBlock
from trimaran.spec import Input, functional
from trimaran.weights import draw

ENCODER = {
    "self_attn": "attention", "linear1": "wide", "linear2": "narrow", "norm1": "norm_attention",
    "norm2": "norm_mlp",
}  # fmt: skip
DECODER = ENCODER | {
    "multihead_attn": "cross", "norm2": "norm_cross", "norm3": "norm_mlp",
}  # fmt: skip


def given(keys: Any) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {key: rng.normal(size=shape) for key, shape in keys.items()}


def translated(names: dict[str, str], weights: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """The block's arrays under the names of PyTorch's layer."""
    theirs = {own: name for name, own in names.items()}
    return {
        f"{theirs[key.partition('.')[0]]}.{key.partition('.')[2]}": torch.tensor(values)
        for key, values in weights.items()
    }


@pytest.mark.parametrize("normalize", ["first", "last"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_an_encoder_block_is_torchs(normalize: str, activation: str) -> None:
    x = Input((5, 6), name="x")
    block = TransformerEncoderBlock(
        2, 7, activation=activation, normalize=normalize, dropout=0.1, name="b"
    )
    model = functional(x, block(x))
    weights = given({key: p.shape for key, p in model.parameters.items()})
    own = {key.removeprefix("b."): values for key, values in weights.items()}
    twin = torch.nn.TransformerEncoderLayer(
        6, 2, 7, 0.0, activation, batch_first=True, norm_first=normalize == "first"
    ).double()
    twin.load_state_dict(translated(ENCODER, own))
    rows = np.random.default_rng(1).normal(size=(3, 5, 6))
    found = BACKEND.build(model, weights).forward({"x": rows}).outputs["output"]
    wanted = twin(torch.tensor(rows)).detach().numpy()
    assert np.abs(found - wanted).max() <= 1e-12 * np.abs(wanted).max()


@pytest.mark.parametrize("normalize", ["first", "last"])
def test_a_decoder_block_is_torchs(normalize: str) -> None:
    x, memory = Input((5, 6), name="x"), Input((4, 6), name="memory")
    model = functional(
        [x, memory], TransformerDecoderBlock(2, 7, normalize=normalize, name="b")(x, memory)
    )
    weights = given({key: p.shape for key, p in model.parameters.items()})
    own = {key.removeprefix("b."): values for key, values in weights.items()}
    twin = torch.nn.TransformerDecoderLayer(
        6, 2, 7, 0.0, batch_first=True, norm_first=normalize == "first"
    ).double()
    twin.load_state_dict(translated(DECODER, own))
    rng = np.random.default_rng(1)
    rows = {"x": rng.normal(size=(3, 5, 6)), "memory": rng.normal(size=(3, 4, 6))}
    found = BACKEND.build(model, weights).forward(rows).outputs["output"]
    late = torch.ones(5, 5).triu(1).bool()
    wanted = twin(torch.tensor(rows["x"]), torch.tensor(rows["memory"]), tgt_mask=late)
    assert np.abs(found - wanted.detach().numpy()).max() <= 1e-12 * float(
        wanted.detach().abs().max()
    )


def test_a_later_step_never_changes_an_earlier_one() -> None:
    x = Input((None, 4), name="x")
    model = functional(x, TransformerDecoderBlock(2, 8, rotary=True)(x))
    network = BACKEND.build(model, draw(model, 0, np.float64))
    rows = np.random.default_rng(0).normal(size=(2, 6, 4))
    whole = network.forward({"x": rows}).outputs["output"]
    part = network.forward({"x": rows[:, :4]}).outputs["output"]
    assert np.abs(whole[:, :4] - part).max() <= 1e-14
    rows[:, 0, 0] += 1.0
    assert np.abs(network.forward({"x": rows}).outputs["output"][:, 5] - whole[:, 5]).max() > 1e-3


def test_another_order_is_refused() -> None:
    with pytest.raises(DescriptionError, match='normalize is \'middle\'; use "first" or "last"'):
        TransformerEncoderBlock(1, 2, normalize="middle")(Input((3, 4)))
