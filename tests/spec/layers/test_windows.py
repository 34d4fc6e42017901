"""The arithmetic of windows against PyTorch's and against TensorFlow's definition."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.nn import functional as F

from trimaran.errors import DescriptionError
from trimaran.spec.layers.windows import padding_of, pads, same_pads, windows

small = st.integers(1, 5)


@given(st.integers(1, 30), small, small, st.integers(1, 3))
def test_same_gives_ceil_of_size_over_stride_with_the_odd_cell_after(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    before, after = same_pads(size, kernel, stride, dilation)
    assert 0 <= after - before <= 1
    x = F.pad(torch.empty(1, 1, size, device="meta"), (before, after))
    weight = torch.empty(1, 1, kernel, device="meta")
    span = (kernel - 1) * dilation + 1
    assume(x.shape[-1] >= span)
    out = F.conv1d(x, weight, stride=stride, dilation=dilation)
    assert out.shape[-1] == -(-size // stride)
    assert windows("same", (size,), (kernel,), (stride,), (dilation,)) == (out.shape[-1],)
    if before + after:  # no smaller padding would do
        assert (size + before + after - 1 - span) // stride + 1 < out.shape[-1]


@given(st.integers(1, 20), small, small, st.integers(1, 3), st.integers(0, 3), st.integers(0, 3))
def test_explicit_padding_is_torchs(
    size: int, kernel: int, stride: int, dilation: int, before: int, after: int
) -> None:
    assume(size + before + after >= (kernel - 1) * dilation + 1)
    x = F.pad(torch.empty(1, 1, size, device="meta"), (before, after))
    weight = torch.empty(1, 1, kernel, device="meta")
    out = F.conv1d(x, weight, stride=stride, dilation=dilation)
    padding = ((before, after),)
    assert windows(padding, (size,), (kernel,), (stride,), (dilation,)) == (out.shape[-1],)


def test_unknown_sizes() -> None:
    assert windows("same", (None, 7), (3, 3), (2, 2), (1, 1)) == (None, 4)
    assert windows("valid", (None, 7), (3, 3), (1, 1), (1, 1)) == (None, 5)
    assert pads("same", (None,), (3,), (2,), (1,)) is None  # depends on the size
    assert pads("same", (None,), (4,), (1,), (2,)) == ((3, 3),)  # does not
    assert pads("valid", (None,), (3,), (2,), (1,)) == ((0, 0),)


@pytest.mark.parametrize(
    ("given_as", "rank", "expected"),
    [
        ("same", 2, "same"),
        (1, 2, ((1, 1), (1, 1))),
        ((1, 2), 2, ((1, 1), (2, 2))),
        (((0, 1), 2), 2, ((0, 1), (2, 2))),
        ([(0, 1), (2, 3)], 2, ((0, 1), (2, 3))),
        ((1, 2), 1, ((1, 2),)),
        (((1, 2),), 1, ((1, 2),)),
        ((3,), 1, ((3, 3),)),
    ],
)
def test_padding_is_read_in_every_form(given_as: Any, rank: int, expected: Any) -> None:
    assert padding_of(given_as, rank) == expected


@pytest.mark.parametrize("wrong", ["full", (1,), (1, 2, 3), -1, None, ((1, -1), 0), ((1,), 0)])
def test_other_padding_is_refused(wrong: Any) -> None:
    with pytest.raises(DescriptionError, match='padding: expected "valid", "same"'):
        padding_of(wrong, 2)
