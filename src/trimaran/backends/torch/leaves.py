"""Each layer in PyTorch's words: one generic rule per layer, always right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trimaran.backends.torch import attention, recurrent
from trimaran.backends.torch.code import Code, Site
from trimaran.emit.template import Numbers
from trimaran.spec import layers as L
from trimaran.spec.graph import concrete
from trimaran.spec.layer import Layer
from trimaran.spec.layers.windows import pads
from trimaran.spec.layout import FIRST


def code(layer: Layer, site: Site) -> Code:
    """The layer at this site."""
    return RULES[type(layer)](layer, site)


def _arguments(*items: str | None) -> str:
    return ", ".join(item for item in items if item)


def _unless(name: str, value: Any, default: Any, text: str) -> str | None:
    """`name=text`, left out where a plain value equals PyTorch's default."""
    return None if type(value) is type(default) and value == default else f"{name}={text}"


def _unless_one(name: str, values: tuple[int, ...], numbers: Numbers) -> str | None:
    plain = all(type(value) is int for value in values)
    if plain and set(values) == {1}:
        return None
    return f"{name}={numbers.many(values, name)}"


def _dense(layer: L.Dense, site: Site) -> Code:
    number = site.numbers.one
    features, units = number(site.shapes[0][-1] or 0, "in_features"), number(layer.units, "units")
    bias = None if layer.use_bias else "bias=False"
    module = f"nn.Linear({_arguments(features, units, bias)})"
    return Code("@({0})", module, module)


def _conv(layer: Any, site: Site) -> Code:
    numbers, depthwise = site.numbers, isinstance(layer, L.DepthwiseConv2D)
    channels = site.shapes[0][-1] or 0
    filters = site.made[-1] or 0
    rank = len(layer.kernel_size)
    groups = channels if depthwise else layer.groups
    around, pad = _padding(layer, site, layer.kernel_size, layer.dilation_rate)
    module = f"nn.Conv{rank}d(" + _arguments(
        numbers.one(channels, "in_channels"),
        numbers.one(filters, "filters"),
        numbers.many(layer.kernel_size, "kernel_size"),
        _unless_one("stride", layer.strides, numbers),
        f"padding={around}" if around else None,
        _unless_one("dilation", layer.dilation_rate, numbers),
        _unless("groups", groups, 1, numbers.one(groups, "groups")) if groups != 1 else None,
        None if layer.use_bias else "bias=False",
    ) + ")"  # fmt: skip
    if pad is None:
        return Code("@({0})", module, module)
    helpers = ("same_pad",) if pad.startswith("same_pad") else ()
    return Code(f"@({pad})", module, None, helpers)


def _padding(
    layer: Any, site: Site, kernel: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[str | None, str | None]:
    """(padding argument, padded input): at most one of them is needed."""
    plain: Any = concrete(layer)
    spatial = site.shapes[0][:-1]
    explicit = pads(plain.padding, spatial, kernel, plain.strides, dilation)
    if explicit is None:
        sizes = ", ".join(str(tuple(int(v) for v in t)) for t in (kernel, layer.strides, dilation))
        return None, f"same_pad({{0}}, {sizes})"
    if all(before == after for before, after in explicit):
        sides = tuple(int(before) for before, _ in explicit)
        return (site.numbers.many(sides, "padding") if any(sides) else None), None
    return None, f"F.pad({{0}}, {edges(explicit)})"


def edges(pairs: tuple[tuple[int, int], ...], sign: int = 1) -> str:
    """(before, after) per axis in the order of F.pad, the last axis first."""
    flat = [sign * int(side) for axis in reversed(pairs) for side in axis]
    return f"({', '.join(map(str, flat))})"


def _max_pool(layer: Any, site: Site) -> Code:
    rank, numbers = layer.RANK, site.numbers
    ones = (1,) * rank
    around, pad = _padding(layer, site, layer.pool_size, ones)
    size = _window(layer, around, numbers)
    if pad is None:
        return Code(f"F.max_pool{rank}d({{0}}, {size})", None, f"nn.MaxPool{rank}d({size})")
    if pad.startswith("same_pad"):
        return Code(f"F.max_pool{rank}d({pad[:-1]}, value=-float(\"inf\")), {size})",
                    helpers=("same_pad",))  # fmt: skip
    return Code(f'F.max_pool{rank}d({pad[:-1]}, value=-float("inf")), {size})')


def _window(layer: Any, around: str | None, numbers: Numbers) -> str:
    size = numbers.many(layer.pool_size, "pool_size")
    stride = None if layer.strides == layer.pool_size else numbers.many(layer.strides, "stride")
    return _arguments(size, stride and f"stride={stride}", f"padding={around}" if around else None)


def _average_pool(layer: Any, site: Site) -> Code:
    rank = layer.RANK
    around, pad = _padding(layer, site, layer.pool_size, (1,) * rank)
    size = _window(layer, around, site.numbers)
    if pad is None:
        full = _arguments(size, "count_include_pad=False" if around else None)
        return Code(f"F.avg_pool{rank}d({{0}}, {full})", None, f"nn.AvgPool{rank}d({full})")
    kernel, strides = (tuple(map(int, v)) for v in (layer.pool_size, layer.strides))
    if pad.startswith("same_pad"):
        return Code(
            f"same_average({{0}}, {kernel}, {strides})", helpers=("same_average", "same_pad")
        )
    explicit = pads(layer.padding, site.shapes[0][:-1], kernel, strides, (1,) * rank)
    uneven = f"average_pool({{0}}, {kernel}, {strides}, {edges(explicit or ())})"
    return Code(uneven, helpers=("average_pool",))


def _global(function: str, module: str) -> Callable[[Any, Site], Code]:
    def rule(layer: Any, site: Site) -> Code:
        if layer.RANK == 1 and layer.masked:
            return recurrent.pooled(layer, site)
        first = site.layout == FIRST
        axes = {1: ("1", "2"), 2: ("(1, 2)", "(2, 3)")}[layer.RANK][first]
        keep = ", keepdim=True" if layer.keepdims else ""
        pool = f"nn.{module}{layer.RANK}d(1)"
        alone = pool if layer.keepdims else f"nn.Sequential({pool}, nn.Flatten())"
        return Code(
            f"{{0}}.{function}(dim={axes}{keep})", None, alone if module and first else None
        )

    return rule


def _activation(layer: L.Activation, site: Site) -> Code:
    name, parameter = layer.activation, layer.parameter
    if name in ("softmax", "log_softmax"):
        dim = f"dim={site.channel_axis()}"
        module = {"softmax": "Softmax", "log_softmax": "LogSoftmax"}[name]
        return Code(f"F.{name}({{0}}, {dim})", None, f"nn.{module}({dim})")
    if name == "hard_sigmoid":  # torch's own has a float32 1/6 in its float64 derivative
        return Code("F.relu6({0} + 3) / 6")
    function, module = FUNCTIONS[name]
    own = "" if parameter is None else f"{float(parameter)!r}"
    call = _arguments("{0}", own)
    return Code(f"{function}({call})", None, f"nn.{module}({own})")


FUNCTIONS = {
    "relu": ("F.relu", "ReLU"),
    "relu6": ("F.relu6", "ReLU6"),
    "leaky_relu": ("F.leaky_relu", "LeakyReLU"),
    "elu": ("F.elu", "ELU"),
    "selu": ("F.selu", "SELU"),
    "gelu": ("F.gelu", "GELU"),
    "silu": ("F.silu", "SiLU"),
    "mish": ("F.mish", "Mish"),
    "sigmoid": ("torch.sigmoid", "Sigmoid"),
    "hard_silu": ("F.hardswish", "Hardswish"),
    "log_sigmoid": ("F.logsigmoid", "LogSigmoid"),
    "tanh": ("torch.tanh", "Tanh"),
    "softplus": ("F.softplus", "Softplus"),
    "softsign": ("F.softsign", "Softsign"),
}


def _dropout(layer: L.Dropout, site: Site) -> Code:
    module = f"nn.Dropout({layer.rate!r})"
    return Code("@({0})", module, module)


def _rescaling(layer: L.Rescaling, site: Site) -> Code:
    scale, offset = layer.scale, layer.offset
    if scale == -1:
        return Code(f"{offset!r} - {{0}}" if offset else "-{0}")
    times = "" if scale == 1 else f" * {scale!r}"
    plus = f" {'-' if offset < 0 else '+'} {abs(offset)!r}" if offset else ""
    return Code(f"{{0}}{times}{plus}")


def _batch_norm(layer: L.BatchNormalization, site: Site) -> Code:
    kind = {1: "1d", 2: "1d", 3: "2d"}[site.rank]
    momentum = round(1 - layer.momentum, 12)
    module = f"nn.BatchNorm{kind}(" + _arguments(
        site.numbers.one(site.shapes[0][-1] or 0, "channels"),
        _unless("eps", layer.epsilon, 1e-5, repr(layer.epsilon)),
        _unless("momentum", momentum, 0.1, repr(momentum)),
        None if layer.scale else "affine=False",
    ) + ")"  # fmt: skip
    return Code("@({0})", module, module)


def _layer_norm(layer: L.LayerNormalization, site: Site) -> Code:
    affine = "elementwise_affine=False" if not layer.scale else None
    module = "nn.LayerNorm(" + _arguments(
        site.numbers.one(site.shapes[0][-1] or 0, "channels"),
        _unless("eps", layer.epsilon, 1e-5, repr(layer.epsilon)),
        affine or (None if layer.center else "bias=False"),
    ) + ")"  # fmt: skip
    return Code("@({0})", module, module)


def _group_norm(layer: L.GroupNormalization, site: Site) -> Code:
    channels = site.shapes[0][-1] or 0
    groups = channels if layer.groups == -1 else layer.groups
    module = "nn.GroupNorm(" + _arguments(
        site.numbers.one(groups, "groups"),
        site.numbers.one(channels, "channels"),
        _unless("eps", layer.epsilon, 1e-5, repr(layer.epsilon)),
        None if layer.scale else "affine=False",
    ) + ")"  # fmt: skip
    return Code("@({0})", module, module)


def _flatten(layer: L.Flatten, site: Site) -> Code:
    if site.rank == 1:
        return Code("{0}", None, "nn.Identity()")
    return Code("torch.flatten({0}, 1)", None, "nn.Flatten()")


def _reshape(layer: L.Reshape, site: Site) -> Code:
    sizes = ", ".join(site.numbers.one(int(size or 0), "size") for size in site.made)
    alone = f"nn.Unflatten(1, ({sizes},))" if site.rank == 1 else None
    return Code(f"{{0}}.reshape(-1, {sizes})", None, alone)


def _permute(layer: L.Permute, site: Site) -> Code:
    return Code(f"{{0}}.permute(0, {', '.join(map(str, layer.dims))})")


def _zero_padding(layer: Any, site: Site) -> Code:
    around = edges(layer.padding)
    return Code(f"F.pad({{0}}, {around})", None, f"nn.ZeroPad{layer.RANK}d({around})")


def _cropping(layer: Any, site: Site) -> Code:
    around = edges(layer.cropping, -1)
    return Code(f"F.pad({{0}}, {around})", None, f"nn.ZeroPad{layer.RANK}d({around})")


def _up(layer: Any, site: Site) -> Code:
    size = layer.size if isinstance(layer.size, tuple) else (layer.size,)
    factor = site.numbers.many(size, "scale")
    mode = "nearest" if isinstance(layer, L.UpSampling1D) else layer.interpolation
    given = f'scale_factor={factor}, mode="{mode}"'
    return Code(f"F.interpolate({{0}}, {given})", None, f"nn.Upsample({given})")


def _joined(sign: str) -> Callable[[Any, Site], Code]:
    def rule(layer: Any, site: Site) -> Code:
        return Code(sign.join(f"{{{i}}}" for i in range(len(site.shapes))))

    return rule


def _concatenate(layer: L.Concatenate, site: Site) -> Code:
    position = layer.position(site.rank)
    first = 1 if position == site.rank - 1 else position + 2
    dim = first if site.layout == FIRST else position + 1
    items = ", ".join(f"{{{i}}}" for i in range(len(site.shapes)))
    return Code(f"torch.cat(({items}), dim={dim})")


RULES: dict[type[Layer], Callable[[Any, Site], Code]] = {
    L.Activation: _activation,
    L.Add: _joined(" + "),
    L.AveragePooling1D: _average_pool,
    L.AveragePooling2D: _average_pool,
    L.BatchNormalization: _batch_norm,
    L.Concatenate: _concatenate,
    L.Conv1D: _conv,
    L.Conv2D: _conv,
    L.Cropping1D: _cropping,
    L.Cropping2D: _cropping,
    L.Dense: _dense,
    L.DepthwiseConv2D: _conv,
    L.Dropout: _dropout,
    L.Flatten: _flatten,
    L.GlobalAveragePooling1D: _global("mean", "AdaptiveAvgPool"),
    L.GlobalAveragePooling2D: _global("mean", "AdaptiveAvgPool"),
    L.GlobalMaxPooling1D: _global("amax", ""),
    L.GlobalMaxPooling2D: _global("amax", ""),
    L.GroupNormalization: _group_norm,
    L.LayerNormalization: _layer_norm,
    L.MaxPooling1D: _max_pool,
    L.MaxPooling2D: _max_pool,
    L.Multiply: _joined(" * "),
    L.Permute: _permute,
    L.Rescaling: _rescaling,
    L.Reshape: _reshape,
    L.Subtract: _joined(" - "),
    L.UpSampling1D: _up,
    L.UpSampling2D: _up,
    L.ZeroPadding1D: _zero_padding,
    L.ZeroPadding2D: _zero_padding,
    **recurrent.RULES,
    **attention.RULES,
}
