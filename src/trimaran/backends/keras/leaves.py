"""Each layer in Keras's words: one generic rule per layer, always right."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from trimaran.backends.keras import attention, recurrent
from trimaran.backends.keras.code import Code, Site, made
from trimaran.backends.keras.initialise import argument
from trimaran.emit.template import Numbers
from trimaran.spec import layers as L
from trimaran.spec.graph import concrete
from trimaran.spec.initializers import INITIALIZERS
from trimaran.spec.layer import Layer
from trimaran.spec.layers.core import ACTIVATIONS
from trimaran.spec.layers.windows import Pads, pads

TORCH = INITIALIZERS["torch_uniform"]


def code(layer: Layer, site: Site) -> Code:
    """The layer at this site."""
    return RULES[type(layer)](layer, site)


def folded(activation: L.Activation) -> str | None:
    """The activation as an argument of the layer before it, where a name says all of it."""
    if activation.parameter != ACTIVATIONS[activation.activation]:
        return None
    return f'activation="{activation.activation}"'


def _unless_one(name: str, values: tuple[int, ...], numbers: Numbers) -> str | None:
    plain = all(type(value) is int for value in values)
    if plain and set(values) == {1}:
        return None
    return f"{name}={numbers.many(values, name)}"


def _initial(layer: Any, site: Site, weight: str) -> list[str | None]:
    own = site.parameters(layer)
    bias = own.get("bias")
    return [
        argument(weight, own["weight"], "glorot_uniform"),
        f"bias_initializer=torch_bias({site.numbers.one(_fan_in(layer, site), 'fan_in')})"
        if bias and bias.initial == TORCH and not isinstance(layer, L.DepthwiseConv2D)
        else argument("bias_initializer", bias, "zeros"),
    ]


def _fan_in(layer: Any, site: Site) -> int:
    """Of a Dense or a convolution, in the block's own words."""
    channels = site.shapes[0][-1] or 0
    if isinstance(layer, L.Dense):
        return channels
    per_group = channels // layer.groups if layer.groups != 1 else channels
    field = prod(int(k) for k in layer.kernel_size)
    return per_group * field if field != 1 else per_group


def _bias(layer: Any) -> str | None:
    return None if layer.use_bias else "use_bias=False"


def _dense(layer: L.Dense, site: Site) -> Code:
    units = site.numbers.one(layer.units, "units")
    return made("Dense", units, _bias(layer), *_initial(layer, site, "kernel_initializer"))


def _conv(layer: Any, site: Site) -> Code:
    numbers, depthwise = site.numbers, isinstance(layer, L.DepthwiseConv2D)
    padding, explicit = _padding(layer, site, layer.kernel_size, layer.dilation_rate)
    multiplier = layer.depth_multiplier if depthwise else 1
    groups = 1 if depthwise else layer.groups
    weight = "depthwise_initializer" if depthwise else "kernel_initializer"
    return made(
        type(layer).__name__,
        None if depthwise else numbers.one(layer.filters, "filters"),
        numbers.many(layer.kernel_size, "kernel_size"),
        _unless_one("strides", layer.strides, numbers),
        padding,
        f"depth_multiplier={numbers.one(multiplier, 'multiplier')}" if multiplier != 1 else None,
        _unless_one("dilation_rate", layer.dilation_rate, numbers),
        f"groups={numbers.one(groups, 'groups')}" if groups != 1 else None,
        _bias(layer),
        *_initial(layer, site, weight),
        before=_zeros(explicit, numbers) if explicit else None,
    )


def _padding(
    layer: Any, site: Site, kernel: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[str | None, Pads | None]:
    """(padding argument, explicit padding): at most one of them is needed."""
    plain: Any = concrete(layer)
    spatial = site.shapes[0][:-1]
    if plain.padding == "same":
        return 'padding="same"', None
    explicit = pads(plain.padding, spatial, kernel, plain.strides, dilation) or ()
    if not any(side for axis in explicit for side in axis):
        return None, None
    reach = (
        (layer.kernel_size[0] - 1) * layer.dilation_rate[0] if isinstance(layer, L.Conv1D) else 0
    )
    if reach and explicit == ((int(reach), 0),):
        return 'padding="causal"', None
    # A stride that is an argument of its block may be another elsewhere.
    still = all(type(stride) is int and stride == 1 for stride in layer.strides)
    if still and explicit == pads("same", spatial, kernel, plain.strides, dilation):
        return 'padding="same"', None
    return None, explicit


def _zeros(explicit: Pads, numbers: Numbers) -> Code:
    return made(f"ZeroPadding{len(explicit)}D", _sides(explicit, numbers))


def _sides(explicit: Any, numbers: Numbers) -> str:
    """One number where all sides are alike, one an axis where both its sides are."""
    sides = [side for axis in explicit for side in axis]
    if all(before == after for before, after in explicit):
        firsts = [before for before, _ in explicit]
        return numbers.many(firsts, "padding") if len(firsts) > 1 else numbers.one(sides[0], "pad")
    pairs = ", ".join(f"({int(before)}, {int(after)})" for before, after in explicit)
    return f"({pairs})" if len(explicit) > 1 else pairs


def _max_pool(layer: Any, site: Site) -> Code:
    padding, explicit = _padding(layer, site, layer.pool_size, (1,) * layer.RANK)
    before = Code("LowPadding", (f"{_pairs(explicit)}",)) if explicit else None
    return made(type(layer).__name__, *_window(layer, site.numbers), padding, before=before)


def _window(layer: Any, numbers: Numbers) -> list[str | None]:
    size = numbers.many(layer.pool_size, "pool_size")
    same = layer.strides == layer.pool_size
    return [size, None if same else f"strides={numbers.many(layer.strides, 'strides')}"]


def _pairs(explicit: Pads) -> str:
    return "[" + ", ".join(f"[{before}, {after}]" for before, after in explicit) + "]"


def _average_pool(layer: Any, site: Site) -> Code:
    padding, explicit = _padding(layer, site, layer.pool_size, (1,) * layer.RANK)
    if explicit is None:
        return made(type(layer).__name__, *_window(layer, site.numbers), padding)
    size, strides = (site.numbers.tuple(v, "size") for v in (layer.pool_size, layer.strides))
    given = (size, strides, _pairs(explicit))
    return Code("AveragePooling", given)


def _global(layer: Any, site: Site) -> Code:
    keep = "keepdims=True" if layer.keepdims else None
    if layer.RANK == 2 or not layer.masked:
        return made(type(layer).__name__, keep)
    if isinstance(layer, L.GlobalAveragePooling1D):
        return made("GlobalAveragePooling1D", keep, masked=True)
    return Code("MaskedMaxPooling", (keep,) if keep else (), masked=True)


def _activation(layer: L.Activation, site: Site) -> Code:
    name, parameter = layer.activation, layer.parameter
    if parameter == ACTIVATIONS[name]:
        return made("Activation", f'"{name}"')
    kind = {"leaky_relu": "LeakyReLU", "elu": "ELU"}[name]
    return made(kind, repr(float(parameter or 0.0)))


def _dropout(layer: L.Dropout, site: Site) -> Code:
    return made("Dropout", repr(layer.rate))


def _rescaling(layer: L.Rescaling, site: Site) -> Code:
    return made("Rescaling", repr(layer.scale), repr(layer.offset) if layer.offset else None)


def _affine(layer: Any) -> list[str | None]:
    return [
        None if layer.epsilon == 1e-3 else f"epsilon={layer.epsilon!r}",
        None if layer.center else "center=False",
        None if layer.scale else "scale=False",
    ]


def _batch_norm(layer: L.BatchNormalization, site: Site) -> Code:
    momentum = None if layer.momentum == 0.99 else f"momentum={layer.momentum!r}"
    given = tuple(a for a in (momentum, *_affine(layer)) if a)
    return Code("BatchNormalization", given)


def _layer_norm(layer: L.LayerNormalization, site: Site) -> Code:
    return made("LayerNormalization", *_affine(layer))


def _group_norm(layer: L.GroupNormalization, site: Site) -> Code:
    groups = str(layer.groups) if layer.groups == -1 else site.numbers.one(layer.groups, "groups")
    return made("GroupNormalization", groups, *_affine(layer))


def _plain(layer: Any, site: Site) -> Code:
    return made(type(layer).__name__)


def _joined(layer: Any, site: Site) -> Code:
    return made(type(layer).__name__, listed=True)


def _concatenate(layer: L.Concatenate, site: Site) -> Code:
    axis = None if layer.axis == -1 else f"axis={layer.axis}"
    return made("Concatenate", axis, listed=True)


def _reshape(layer: L.Reshape, site: Site) -> Code:
    return made("Reshape", site.numbers.tuple([int(n or 0) for n in site.made], "size"))


def _permute(layer: L.Permute, site: Site) -> Code:
    return made("Permute", str(tuple(int(d) for d in layer.dims)))


def _border(argument: str) -> Callable[[Any, Site], Code]:
    def rule(layer: Any, site: Site) -> Code:
        return made(type(layer).__name__, _sides(getattr(layer, argument), site.numbers))

    return rule


def _up(layer: Any, site: Site) -> Code:
    size = layer.size if isinstance(layer.size, tuple) else (layer.size,)
    bilinear = getattr(layer, "interpolation", "nearest") == "bilinear"
    mode = 'interpolation="bilinear"' if bilinear else None
    return made(type(layer).__name__, site.numbers.many(size, "size"), mode)


RULES: dict[type[Layer], Callable[[Any, Site], Code]] = {
    L.Activation: _activation,
    L.Add: _joined,
    L.AveragePooling1D: _average_pool,
    L.AveragePooling2D: _average_pool,
    L.BatchNormalization: _batch_norm,
    L.Concatenate: _concatenate,
    L.Conv1D: _conv,
    L.Conv2D: _conv,
    L.Cropping1D: _border("cropping"),
    L.Cropping2D: _border("cropping"),
    L.Dense: _dense,
    L.DepthwiseConv2D: _conv,
    L.Dropout: _dropout,
    L.Flatten: _plain,
    L.GlobalAveragePooling1D: _global,
    L.GlobalAveragePooling2D: _global,
    L.GlobalMaxPooling1D: _global,
    L.GlobalMaxPooling2D: _global,
    L.GroupNormalization: _group_norm,
    L.LayerNormalization: _layer_norm,
    L.MaxPooling1D: _max_pool,
    L.MaxPooling2D: _max_pool,
    L.Multiply: _joined,
    L.Permute: _permute,
    L.Rescaling: _rescaling,
    L.Reshape: _reshape,
    L.Subtract: _joined,
    L.UpSampling1D: _up,
    L.UpSampling2D: _up,
    L.ZeroPadding1D: _border("padding"),
    L.ZeroPadding2D: _border("padding"),
    **recurrent.RULES,
    **attention.RULES,
}
