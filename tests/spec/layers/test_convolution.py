"""Convolutions against torch.nn on the meta device: shapes, parameters, operations."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from trimaran.errors import DescriptionError
from trimaran.spec.layer import Illegal
from trimaran.spec.layers import Conv1D, Conv2D, DepthwiseConv2D

META = {"device": "meta"}


def twin_parameters(module: torch.nn.Module) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, tuple(p.shape)) for name, p in module.named_parameters()]


def own_parameters(layer: Any, shape: Any) -> list[tuple[str, tuple[int, ...]]]:
    return [(p.name, p.shape) for p in layer.parameters(shape)]


def run(module: torch.nn.Module, shape: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Output shape and operations of the module, channels-last in and out."""
    x = torch.empty(1, shape[-1], *shape[:-1], **META)
    with FlopCounterMode(display=False) as counter:
        out = module(x)
    return (*out.shape[2:], out.shape[1]), counter.get_total_flops()


@st.composite
def convolutions(draw: Any) -> tuple[Conv2D, torch.nn.Module, tuple[int, ...]]:
    groups = draw(st.integers(1, 3))
    channels, filters = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    pad = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    one = draw(st.booleans())  # Keras has no kernel for strides with dilation
    stride = (1, 1) if one else draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilation = draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) if one else (1, 1)
    size = draw(st.tuples(st.integers(1, 15), st.integers(1, 15)))
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    assume(all(n + 2 * p >= s for n, p, s in zip(size, pad, spans, strict=True)))
    bias = draw(st.booleans())
    layer = Conv2D(filters, kernel, stride, pad, dilation, groups, use_bias=bias)
    twin = torch.nn.Conv2d(
        channels, filters, kernel, stride, pad, dilation, groups, bias=bias, **META
    )
    return layer, twin, (*size, channels)


@given(convolutions())
def test_conv2d_is_torchs(case: tuple[Conv2D, torch.nn.Module, tuple[int, ...]]) -> None:
    layer, twin, shape = case
    layer.check(shape)
    out, flops = run(twin, shape)
    assert layer.output(shape) == out
    assert own_parameters(layer, shape) == twin_parameters(twin)
    biases = out[0] * out[1] * out[2] if layer.use_bias else 0
    assert layer.flops(shape) == flops + biases


@given(st.integers(5, 20), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
def test_conv1d_is_torchs(steps: int, channels: int, filters: int, stride: int) -> None:
    layer = Conv1D(filters, 3, stride, padding=1)
    twin = torch.nn.Conv1d(channels, filters, 3, stride, 1, **META)
    out, _ = run(twin, (steps, channels))
    assert layer.output((steps, channels)) == out
    assert own_parameters(layer, (steps, channels)) == twin_parameters(twin)


@given(st.integers(5, 12), st.integers(1, 4), st.integers(1, 3), st.integers(1, 2))
def test_depthwise_is_a_grouped_convolution(
    size: int, channels: int, multiplier: int, stride: int
) -> None:
    shape = (size, size, channels)
    layer = DepthwiseConv2D(3, stride, 1, multiplier)
    layer.check(shape)
    twin = torch.nn.Conv2d(channels, channels * multiplier, 3, stride, 1, groups=channels, **META)
    out, flops = run(twin, shape)
    assert layer.output(shape) == out
    assert own_parameters(layer, shape) == twin_parameters(twin)
    assert layer.flops(shape) == flops + out[0] * out[1] * out[2]


def test_fans_are_kerass() -> None:
    """kernel (kh, kw, in/groups, out): receptive field times each (keras compute_fans)."""
    assert Conv2D(8, 3).parameters((9, 9, 4))[0].fan == (36, 72)
    assert Conv2D(8, 3, groups=2).parameters((9, 9, 4))[0].fan == (18, 72)
    assert Conv1D(8, 5).parameters((9, 4))[0].fan == (20, 40)
    assert DepthwiseConv2D(3, depth_multiplier=2).parameters((9, 9, 4))[0].fan == (36, 18)


@pytest.mark.parametrize(
    ("layer", "shape", "told"),
    [
        (Conv2D(8, 3), (28, 28), r"expected input \(height, width, channels\), got \(28, 28\)"),
        (Conv1D(8, 3), (28, 28, 1), r"expected input \(steps, channels\)"),
        (Conv2D(8, 3), (28, 28, None), "a known number of channels.*fix the last size"),
        (Conv2D(8, 5), (4, 9, 1), r"a window \(5, 5\) that fits.*got \(4, 9\); use a smaller"),
        (Conv2D(8, 0), (4, 4, 1), "sizes, strides and dilations of 1 or more"),
        (Conv2D(8, 3, 0), (4, 4, 1), "sizes, strides and dilations of 1 or more"),
        (Conv2D(0, 3), (4, 4, 1), "filters of 1 or more, got 0; give their number"),
        (Conv2D(2.5, 3), (4, 4, 1), "filters of 1 or more, got 2.5"),  # type: ignore[arg-type]
        (Conv2D(8, 3, groups=3), (9, 9, 4), r"that 3 groups divide, got \(4, 8\)"),
        (Conv2D(8, 3, groups=0), (9, 9, 4), "that 0 groups divide"),
        (Conv2D(8, 3, 2, dilation_rate=2), (9, 9, 4), "strides or dilation_rate of 1"),
        (DepthwiseConv2D(3, (1, 2)), (9, 9, 4), r"equal strides.*got \(1, 2\)"),
        (DepthwiseConv2D(3, depth_multiplier=0), (9, 9, 4), "depth_multiplier of 1 or more"),
        (DepthwiseConv2D(3, 2, dilation_rate=2), (9, 9, 4), "strides or dilation_rate of 1"),
    ],
)
def test_illegal(layer: Any, shape: Any, told: str) -> None:
    with pytest.raises(Illegal, match=told):
        layer.check(shape)


def test_causal_padding_stands_before_the_first_step() -> None:
    causal = Conv1D(2, 3, dilation_rate=2, padding="causal")
    assert causal == Conv1D(2, 3, dilation_rate=2, padding=((4, 0),))
    assert causal.output((7, 3)) == (7, 2) and causal.output((None, 3)) == (None, 2)
    with pytest.raises(DescriptionError, match='padding: expected "valid", "same"'):
        Conv2D(2, 3, padding="causal")
