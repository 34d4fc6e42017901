"""Attention: shapes, arrays, counts of the literature, and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trimaran.errors import DescriptionError
from trimaran.spec import Input, functional
from trimaran.spec.layer import Illegal
from trimaran.spec.layers import GRU, Dense, Embedding, MultiHeadAttention
from trimaran.weights import draw

sizes = st.integers(1, 5)


@given(heads=sizes, size=sizes, bias=st.booleans())
def test_arrays_are_those_of_torchs_module(heads: int, size: int, bias: bool) -> None:
    features = heads * size
    layer, shape = MultiHeadAttention(heads, use_bias=bias), (4, features)
    layer.check(shape)
    twin = torch.nn.MultiheadAttention(features, heads, bias=bias, device="meta")
    own = [(p.name, p.shape) for p in layer.parameters(shape)]
    assert own == [(name, tuple(p.shape)) for name, p in twin.named_parameters()]


def test_shapes() -> None:
    x, memory = Input((5, 6), name="x"), Input((None, 6), name="memory")
    assert MultiHeadAttention(2)(x).shape == (5, 6)
    assert MultiHeadAttention(2, 7)(x, memory).shape == (5, 6)
    assert MultiHeadAttention(2)(memory, x).shape == (None, 6)
    assert MultiHeadAttention(2)(Input((3, 5, 6))).shape == (3, 5, 6)
    whole = MultiHeadAttention(2, cached=True).outputs((1, 6), (9, 6), (9, 6), (1,))
    assert whole == ((1, 6), (9, 6), (9, 6), (1,))


def test_a_query_that_is_its_own_memory_is_one_input() -> None:
    x = Input((5, 6))
    (leaf,) = functional(x, MultiHeadAttention(2)(x, x)).leaves
    assert leaf.inputs == (0,)


def test_the_count_is_that_of_the_literature() -> None:
    """Four square matrices and their biases."""
    x = Input((5, 64))
    assert functional(x, MultiHeadAttention(8)(x)).size == 4 * (64 * 64 + 64)
    assert functional(x, MultiHeadAttention(2, 16)(x)).size == 4 * 64 * 32 + 3 * 32 + 64


@pytest.mark.parametrize("bias", [False, True])
def test_it_costs_its_projections_and_two_products(bias: bool) -> None:
    there, back = Dense(9, use_bias=bias), Dense(6, use_bias=bias)
    layer = MultiHeadAttention(3, 3, use_bias=bias)
    products = 4 * 5 * (2 * 9 + 2 * 9 + 3)  # scores, their sums, and a softmax in each head
    projected = there.flops((4, 6)) + 2 * there.flops((5, 6)) + back.flops((4, 9))
    assert layer.flops((4, 6), (5, 6)) == projected + products


def test_sequences_beside_each_other_cost_as_many() -> None:
    layer = MultiHeadAttention(3)
    assert layer.flops((4, 5, 6)) == 4 * layer.flops((5, 6))
    assert layer.parameters((4, 5, 6)) == layer.parameters((5, 6))


def test_each_projection_starts_as_glorot_says() -> None:
    x = Input((5, 60))
    weights = draw(functional(x, MultiHeadAttention(4, 10, name="a")(x)), 0)
    limit = (6 / (60 + 40)) ** 0.5
    for weight in (*np.split(weights["a.in_proj_weight"], 3), weights["a.out_proj.weight"]):
        assert 0.98 * limit < np.abs(weight).max() <= limit


@pytest.mark.parametrize(
    ("layer", "shapes", "told"),
    [
        (MultiHeadAttention(2), [(4,)], r"a sequence \(time, features\), got \(4,\)"),
        (MultiHeadAttention(2), [(4, None)], "a known number of features"),
        (MultiHeadAttention(0), [(4, 6)], "num_heads of 1 or more, got 0"),
        (MultiHeadAttention(4), [(4, 6)], "features that 4 heads divide, got 6; give key_dim"),
        (MultiHeadAttention(2, 0), [(4, 6)], "key_dim of 1 or more, got 0"),
        (MultiHeadAttention(2, rotary=True), [(4, 6)], "an even key_dim.*got 3"),
        (MultiHeadAttention(2, dropout=1.0), [(4, 6)], r"dropout in \[0, 1\), got 1.0"),
        (MultiHeadAttention(2, masked=True), [(4, 6), (3,)], r"steps of shape \(\) or \(4,\)"),
        (MultiHeadAttention(2, memory_masked=True), [(4, 6), ()], "one sequence, or a sequence"),
        (MultiHeadAttention(2), [(4, 6), (4, 5)], "6 features in what it attends to, got 5"),
        (MultiHeadAttention(2), [(4, 6)] * 3, "got 3 tensors; keys and values are one tensor"),
        (MultiHeadAttention(3, rotary=True), [(4, 6)] * 2, "one sequence.*leave rotary out"),
        (MultiHeadAttention(3, rotary=True), [(3, 4, 6)], r"a sequence.*got \(3, 4, 6\)"),
        (MultiHeadAttention(3), [(3, 4, 6), (4, 6)], r"a sequence.*got \(3, 4, 6\)"),
        (MultiHeadAttention(2, kernel_initializer="orthogonal"), [(4, 6)], "each entry by itself"),
        (MultiHeadAttention(2, 5, kernel_initializer="he_normal"), [(4, 6)], "scaled by fan_avg"),
        (MultiHeadAttention(2, cached=True), [(1, 6)], r"a step, keys.*got 1 tensors"),
        (MultiHeadAttention(2, cached=True), [(2, 6), (9, 6), (9, 6), (1,)], "use spec.stepping"),
    ],
)
def test_illegal(layer: Any, shapes: list[Any], told: str) -> None:
    with pytest.raises(Illegal, match=told):
        layer.check(*shapes)


def test_refused_with_the_path() -> None:
    with pytest.raises(DescriptionError, match=r"^attention1 \(MultiHeadAttention\): expected a s"):
        MultiHeadAttention(2)(GRU(3)(Input((4, 2))))
    words = Input((4, 6), dtype="int32")
    with pytest.raises(DescriptionError, match="expected float32 numbers, got int32"):
        MultiHeadAttention(2)(words)
    MultiHeadAttention(2)(Embedding(3, 4)(Input((4,), dtype="int32")))
