"""Merging against NumPy's broadcasting and concatenation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimaran.spec.layer import Illegal
from trimaran.spec.layers import Add, Concatenate, Multiply, Subtract

sizes = st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=3)


@given(sizes, sizes)
def test_sums_products_and_differences_broadcast_as_numpy_does(a: list[int], b: list[int]) -> None:
    try:
        expected: Any = np.broadcast_shapes(tuple(a), tuple(b)) if len(a) == len(b) else None
    except ValueError:
        expected = None
    for layer in (Add(), Multiply(), Subtract()):
        if expected is None:
            with pytest.raises(Illegal, match="tensors of equal rank|axes that agree or are 1"):
                layer.check(tuple(a), tuple(b))
        else:
            layer.check(tuple(a), tuple(b))
            assert layer.output(tuple(a), tuple(b)) == expected
            assert layer.flops(tuple(a), tuple(b)) == np.prod(expected)


@given(st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 2, 3, -1, -2, -3]))
def test_concatenate_is_numpys_with_keras_axes(a: int, b: int, axis: int) -> None:
    one, two = [2, 3, 4], [2, 3, 4]
    batched = axis if axis < 0 else axis - 1  # Keras counts the batch as axis 0
    one[batched], two[batched] = a, b
    layer = Concatenate(axis)
    layer.check(tuple(one), tuple(two))
    expected = np.concatenate([np.empty(one), np.empty(two)], batched).shape
    assert layer.output(tuple(one), tuple(two)) == expected


def test_an_unknown_size_stays_unknown() -> None:
    assert Concatenate(1).output((None, 2), (3, 2)) == (None, 2)
    assert Add().output((None, 2), (None, 1)) == (None, 2)


@pytest.mark.parametrize(
    ("layer", "shapes", "told"),
    [
        (Add(), [(3,)], "two tensors or more, got 1; give them as a list"),
        (Add(), [(3,), (3, 1)], "tensors of equal rank"),
        (Subtract(), [(3,), (3,), (3,)], "two tensors, got 3"),
        (Multiply(), [(3, 2), (3, 4)], "axes that agree or are 1.*1×1 convolution"),
        (Concatenate(), [(3,)], "two tensors or more"),
        (Concatenate(), [(3,), (3, 1)], "tensors of equal rank"),
        (Concatenate(0), [(3,), (3,)], "an axis from 1 to 1, or from -1, got 0; change axis"),
        (Concatenate(-3), [(3, 2), (3, 2)], "an axis from 1 to 2"),
        (Concatenate(), [(3, 2), (4, 2)], "equal sizes on all other axes.*pad or crop"),
    ],
)
def test_illegal(layer: Any, shapes: Any, told: str) -> None:
    with pytest.raises(Illegal, match=told):
        layer.check(*shapes)
