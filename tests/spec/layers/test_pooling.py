"""Pooling against torch.nn.functional on the meta device."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.nn import functional as F

from trimaran.spec.layer import Illegal
from trimaran.spec.layers import (
    AveragePooling1D,
    AveragePooling2D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    MaxPooling1D,
    MaxPooling2D,
)

small = st.integers(1, 4)


@given(st.tuples(st.integers(1, 12), st.integers(1, 12)), st.tuples(small, small), small, small)
def test_2d_is_torchs(size: Any, window: Any, stride: int, half: int) -> None:
    pad = min(half - 1, min(window) // 2)
    assume(all(n + 2 * pad >= k for n, k in zip(size, window, strict=True)))
    x = torch.empty(1, 3, *size, device="meta")
    for layer, twin in ((MaxPooling2D, F.max_pool2d), (AveragePooling2D, F.avg_pool2d)):
        pool = layer(window, stride, pad)
        pool.check((*size, 3))
        assert pool.output((*size, 3)) == (*twin(x, window, stride, pad).shape[2:], 3)
        assert pool.parameters((*size, 3)) == ()


@given(st.integers(4, 12), small)
def test_1d_is_torchs_and_strides_default_to_the_window(steps: int, window: int) -> None:
    x = torch.empty(1, 3, steps, device="meta")
    for layer, twin in ((MaxPooling1D, F.max_pool1d), (AveragePooling1D, F.avg_pool1d)):
        assert layer(window).output((steps, 3)) == (twin(x, window).shape[-1], 3)


def test_global_pooling() -> None:
    for layer in (GlobalMaxPooling2D, GlobalAveragePooling2D):
        assert layer().output((7, 5, 3)) == (3,)
        assert layer(keepdims=True).output((7, 5, 3)) == (1, 1, 3)
        assert layer().output((None, None, 3)) == (3,)
        assert layer().flops((7, 5, 3)) == 105
    for flat in (GlobalMaxPooling1D, GlobalAveragePooling1D):
        assert flat().output((7, 3)) == (3,)


def test_flops_count_each_entry_of_each_window() -> None:
    assert MaxPooling2D(3, 2).flops((7, 7, 4)) == 3 * 3 * 4 * 9


@pytest.mark.parametrize(
    ("layer", "shape", "told"),
    [
        (MaxPooling2D(), (28, 28), r"expected input \(height, width, channels\)"),
        (MaxPooling2D(), (1, 1, 8), r"a window \(2, 2\) that fits.*fewer poolings before it"),
        (MaxPooling2D(2, padding=2), (8, 8, 1), "padding of at most half the window"),
        (AveragePooling1D(3), (2, 1), r"a window \(3,\) that fits"),
        (GlobalMaxPooling1D(), (7, 5, 3), r"expected input \(steps, channels\)"),
        (GlobalAveragePooling2D(), (7,), r"expected input \(height, width, channels\)"),
    ],
)
def test_illegal(layer: Any, shape: Any, told: str) -> None:
    with pytest.raises(Illegal, match=told):
        layer.check(shape)
