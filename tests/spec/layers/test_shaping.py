"""Layers that move entries, against NumPy on real arrays."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimaran.errors import DescriptionError
from trimaran.spec.layer import Illegal
from trimaran.spec.layers import (
    Cropping1D,
    Cropping2D,
    Flatten,
    Permute,
    Reshape,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)


@given(shapes)
def test_flatten(shape: tuple[int, ...]) -> None:
    Flatten().check(shape)
    assert Flatten().output(shape) == (prod(shape),)


@given(shapes, st.lists(st.integers(-2, 6), min_size=1, max_size=3).map(tuple))
def test_reshape_is_legal_exactly_where_numpys_is(shape: Any, target: Any) -> None:
    try:
        expected = np.empty(shape).reshape(target).shape if min(target) >= -1 else None
    except ValueError:
        expected = None
    if expected is None:
        with pytest.raises(Illegal, match="a target_shape of .* entries"):
            Reshape(target).check(shape)
    else:
        Reshape(target).check(shape)
        assert Reshape(target).output(shape) == expected


@given(st.permutations([1, 2, 3]))
def test_permute_counts_axes_from_one(order: list[int]) -> None:
    expected = np.empty((2, 3, 4)).transpose([axis - 1 for axis in order]).shape
    Permute(tuple(order)).check((2, 3, 4))
    assert Permute(tuple(order)).output((2, 3, 4)) == expected


edges = st.tuples(st.integers(0, 2), st.integers(0, 2))


@given(edges, edges)
def test_padding_grows_and_cropping_undoes_it(rows: Any, columns: Any) -> None:
    grown = ZeroPadding2D((rows, columns)).output((6, 7, 2))
    assert grown == np.pad(np.empty((6, 7, 2)), (rows, columns, (0, 0))).shape
    assert Cropping2D((rows, columns)).output(grown) == (6, 7, 2)
    steps = ZeroPadding1D(rows).output((6, 2))
    assert steps == (6 + sum(rows), 2)
    assert Cropping1D(rows).output(steps) == (6, 2)


def test_up_sampling() -> None:
    assert UpSampling1D(3).output((4, 2)) == np.empty((4, 2)).repeat(3, 0).shape
    assert UpSampling2D((2, 3)).output((4, 5, 1)) == (8, 15, 1)
    assert UpSampling2D(2, "bilinear").output((None, 5, 1)) == (None, 10, 1)


def test_arguments_are_read_in_keras_forms() -> None:
    assert ZeroPadding2D(1).padding == ZeroPadding2D(((1, 1), (1, 1))).padding
    assert ZeroPadding2D((1, 2)).padding == ((1, 1), (2, 2))
    assert Cropping1D((1, 2)).cropping == ((1, 2),)
    for wrong in (-1, (1, 2, 3), ((1,), (2,))):
        with pytest.raises(DescriptionError, match="padding: expected an int, or 2 ints"):
            ZeroPadding2D(wrong)


@pytest.mark.parametrize(
    ("layer", "shape", "told"),
    [
        (Flatten(), (None, 3), "sizes that are all known.*Flatten needs it"),
        (Reshape((3,)), (None, 3), "sizes that are all known.*Reshape needs it"),
        (Reshape((-1, -1)), (4,), "a target_shape of 4 entries"),
        (Permute((1, 1)), (2, 3), r"an order of \[1, 2\], got \(1, 1\); name each axis once"),
        (Permute((1,)), (2, 3), "an order of"),
        (ZeroPadding2D(1), (3, 3), r"input \(height, width, channels\)"),
        (Cropping2D(2), (4, 9, 1), r"something left after cropping, got \(0, 5\); crop less"),
        (Cropping1D(2), (3, 3, 1), r"input \(steps, channels\)"),
        (UpSampling1D(2), (3,), r"input \(steps, channels\)"),
        (UpSampling1D(0), (3, 1), "a size of 1 or more"),
        (UpSampling2D(2), (3, 1), r"input \(height, width, channels\)"),
        (UpSampling2D(0), (3, 3, 1), "sizes of 1 or more"),
        (UpSampling2D(2, "bicubic"), (3, 3, 1), '"nearest" or "bilinear", got bicubic'),
    ],
)
def test_illegal(layer: Any, shape: Any, told: str) -> None:
    with pytest.raises(Illegal, match=told):
        layer.check(shape)
