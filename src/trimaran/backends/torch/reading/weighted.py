"""Operations with arrays: convolutions, Linear, normalizations."""

from __future__ import annotations

from math import prod
from typing import Any

from trimaran.backends.torch.reading.site import Rules, Site
from trimaran.backends.torch.reading.values import Value
from trimaran.spec import layers as L
from trimaran.spec.initializers import Uniform

DRAWN = "torch_uniform"
"""What torch.nn.Linear and the convolutions draw by themselves."""


def many(value: Any, rank: int) -> tuple[int, ...]:
    """An int or a list of one or `rank` ints as a tuple of `rank` ints."""
    items = list(value) if isinstance(value, list | tuple) else [value]
    return tuple(items * rank if len(items) == 1 else items)


def _convolution(site: Site) -> Value:
    weight, bias = site.array("weight"), site.array("bias")
    path = site.path("weight", "bias")
    assert weight is not None
    rank = len(weight) - 2
    value = site.channels_last(site.x())
    strides, dilation = many(site["stride"], rank), many(site["dilation"], rank)
    padding = _padding(site, rank)
    filters, per_group, *kernel = weight
    groups = site["groups"]
    if _depthwise(rank, strides, groups, per_group):
        drawn = Uniform(prod(kernel) ** -0.5)  # what PyTorch draws, which counts the fans otherwise
        layer: L.Layer = L.DepthwiseConv2D(
            tuple(kernel), strides, padding, filters // groups, dilation,
            use_bias=bias is not None, depthwise_initializer=drawn, bias_initializer=drawn,
        )  # fmt: skip
        return site.add(layer, value, path=path)
    kind = L.Conv1D if rank == 1 else L.Conv2D
    layer = kind(
        filters, tuple(kernel), strides, padding, dilation, groups,
        use_bias=bias is not None, kernel_initializer=DRAWN, bias_initializer=DRAWN,
    )  # fmt: skip
    return site.add(layer, value, path=path)


def _depthwise(rank: int, strides: tuple[int, ...], groups: int, per_group: int) -> bool:
    return rank == 2 and groups > 1 and per_group == 1 and len(set(strides)) == 1


def _padding(site: Site, rank: int) -> Any:
    given = site["padding"]
    if isinstance(given, str):
        return given
    return tuple((side, side) for side in many(given, rank))


def _linear(site: Site) -> Value:
    weight = site.array("weight")
    path = site.path("weight", "bias")
    assert weight is not None
    value = site.with_last(site.x(), site.rank())
    layer = L.Dense(
        weight[0],
        use_bias=site["bias"] is not None,
        kernel_initializer=DRAWN,
        bias_initializer=DRAWN,
    )
    return site.add(layer, value, path=path)


def _batch_norm(site: Site) -> Value:
    site.require(
        site["running_mean"] is not None and not site["training"],
        "it normalizes by the batch's own statistics in evaluation too",
        "keep track_running_stats=True and do not override train()",
    )
    site.require(
        0 < site["momentum"] <= 1,
        f"its momentum is {site['momentum'] or 'None or 0'}",
        "give a number above 0, such as PyTorch's 0.1",
    )
    affine = site["weight"] is not None
    path = site.path("weight", "bias", "running_mean", "running_var")
    momentum = round(1 - site["momentum"], 12)
    layer = L.BatchNormalization(momentum, site["eps"], center=affine, scale=affine)
    return site.add(layer, site.with_last(site.x(), 1), path=path)


def _layer_norm(site: Site) -> Value:
    site.require(
        len(site["normalized_shape"]) == 1,
        f"it normalizes over {len(site['normalized_shape'])} axes at once",
        "normalize over the last axis, or use GroupNorm with one group",
    )
    path = site.path("weight", "bias")
    layer = L.LayerNormalization(
        site["eps"], center=site["bias"] is not None, scale=site["weight"] is not None
    )
    return site.add(layer, site.with_last(site.x(), site.rank()), path=path)


def _group_norm(site: Site) -> Value:
    return _grouped(site, site["num_groups"])


def _instance_norm(site: Site) -> Value:
    site.require(
        site["running_mean"] is None and site["use_input_stats"],
        "it keeps running statistics",
        "leave track_running_stats=False",
    )
    return _grouped(site, -1)


def _grouped(site: Site, groups: int) -> Value:
    affine = site["weight"] is not None
    path = site.path("weight", "bias")
    layer = L.GroupNormalization(groups, site["eps"], center=affine, scale=affine)
    return site.add(layer, site.with_last(site.x(), 1), path=path)


RULES: Rules = {
    "batch_norm": _batch_norm,
    "conv1d": _convolution,
    "conv2d": _convolution,
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "layer_norm": _layer_norm,
    "linear": _linear,
}
