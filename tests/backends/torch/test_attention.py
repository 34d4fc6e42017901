"""The emitted source of attention: what it says, how it starts, and what training moves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from trimaran.backends.torch.build import module
from trimaran.backends.torch.emit import emit
from trimaran.backends.torch.loop import fit
from trimaran.backends.torch.weights import arrays
from trimaran.comparison.problem import invented
from trimaran.emit.loading import load
from trimaran.spec import Input, Model, functional
from trimaran.spec import layers as L
from trimaran.spec.transformer import TransformerDecoderBlock
from trimaran.training.execution import Execution
from trimaran.training.settings import Training
from trimaran.weights import draw


def built(model: Model) -> Any:
    """What the source's own `build` gives."""
    return load(emit(model)).build()


def alone(layer: Any, features: int = 8) -> Model:
    x = Input((5, features), name="x")
    return functional(x, layer(x))


def test_its_weights_are_those_of_torchs_module() -> None:
    """They load into it, and it answers alike."""
    torch.manual_seed(0)
    own = built(alone(L.MultiHeadAttention(2, use_causal_mask=True, name="a"))).a
    twin = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    own.load_state_dict(twin.state_dict())
    x, late = torch.randn(3, 5, 8), torch.ones(5, 5).triu(1).bool()
    assert torch.dist(own(x), twin(x, x, x, attn_mask=late)[0]) < 1e-5


@pytest.mark.parametrize("kernel", ["glorot_uniform", "unit_normal"])
def test_fresh_weights_start_as_described(kernel: str) -> None:
    layer = L.MultiHeadAttention(
        4, 25, kernel_initializer=kernel, bias_initializer="ones", name="a"
    )
    x = Input((5, 60))
    torch.manual_seed(0)
    made = built(functional(x, L.Dense(60, kernel_initializer="zeros", name="d")(layer(x))))
    assert (made.a.in_proj_bias == 1).all() and (made.a.out_proj.bias == 1).all()
    assert not made.d.weight.any()
    limit = (6 / (60 + 100)) ** 0.5
    for weight in (*made.a.in_proj_weight.chunk(3), made.a.out_proj.weight):
        if kernel == "unit_normal":
            assert abs(weight.std() - 1) < 0.05
        else:
            assert 0.98 * limit < weight.abs().max() <= limit


def test_a_layer_without_biases_starts_beside_one_that_has_them() -> None:
    x = Input((5, 8))
    y = L.MultiHeadAttention(2, use_bias=False, name="bare")(L.MultiHeadAttention(2, name="a")(x))
    made = built(functional(x, L.Dense(3)(y)))
    assert made.bare.in_proj_bias is None and not made.a.in_proj_bias.any()
    assert made.bare.in_proj_weight.any() and made.bare.out_proj.bias is None


@pytest.mark.parametrize("rotary", [False, True])
def test_a_bias_of_keys_that_changes_nothing_is_not_moved(rotary: bool) -> None:
    """Adam would turn the rounding of its gradient into whole steps."""
    x = Input((5, 8), name="x")
    y = L.MultiHeadAttention(2, rotary=rotary, name="a")(x)
    model = functional(x, L.Dense(3, name="d")(y))
    rows, objective = invented(model, 32)
    network = module(model, draw(model, 0))
    training = Training.from_json({"epochs": 2, "batch_size": 8})
    splits = {"train": rows, "validation": rows}
    list(fit(network, objective, splits, training, Execution(threads=1)))
    q, k, v = np.split(arrays(network)["a.in_proj_bias"], 3)
    assert q.any() and v.any() and k.any() == rotary


def test_equal_blocks_are_one_class() -> None:
    x = y = Input((None, 8))
    for features in (16, 32):
        y = TransformerDecoderBlock(2, features, 0.1)(y)
    source = emit(functional(x, y))
    assert source.count("class Transformer") == 1
    assert "self.attention = MultiHeadAttention(in_channels, num_heads, causal=True)" in source
    assert "turned" not in source
