"""Activations, dropout, sums and products (also with numbers), concatenation, and what changes
nothing."""

from __future__ import annotations

import torch

from trimaran.backends.torch.reading.shaping import full
from trimaran.backends.torch.reading.site import Rule, Rules, Site
from trimaran.backends.torch.reading.values import Value, channels_first
from trimaran.spec import layers as L

PLAIN = {
    "hardsigmoid": "hard_sigmoid",
    "hardswish": "hard_silu",
    "log_sigmoid": "log_sigmoid",
    "mish": "mish",
    "relu": "relu",
    "relu6": "relu6",
    "selu": "selu",
    "sigmoid": "sigmoid",
    "silu": "silu",
    "softsign": "softsign",
    "tanh": "tanh",
}
"""Operation -> activation."""


def _plain(name: str) -> Rule:
    return lambda site: site.add(L.Activation(name), site.x())


def _leaky_relu(site: Site) -> Value:
    return site.add(L.Activation("leaky_relu", float(site["negative_slope"])), site.x())


def _elu(site: Site) -> Value:
    usual = site["scale"] == 1 and site["input_scale"] == 1
    site.require(usual, "its scales are not 1", "use nn.ELU or nn.SELU")
    return site.add(L.Activation("elu", float(site["alpha"])), site.x())


def _gelu(site: Site) -> Value:
    site.require(site["approximate"] == "none", "it approximates by tanh", "use the exact GELU")
    return site.add(L.Activation("gelu"), site.x())


def _softplus(site: Site) -> Value:
    usual = site["beta"] == 1 and site["threshold"] == 20
    site.require(usual, "its beta or threshold is not PyTorch's default", "leave them out")
    return site.add(L.Activation("softplus"), site.x())


def _hardtanh(site: Site) -> Value:
    six = (site["min_val"], site["max_val"]) == (0, 6)
    site.require(six, "it clips to other limits than 0 and 6", "use nn.ReLU6 or nn.Tanh")
    return site.add(L.Activation("relu6"), site.x())


def _over_one_axis(name: str) -> Rule:
    def rule(site: Site) -> Value:
        site.require(site["dtype"] is None, "it changes the type", "leave dtype out")
        axis = site.axis(site["dim"], site.rank())
        return site.add(L.Activation(name), site.with_last(site.x(), axis))

    return rule


def _dropout(site: Site) -> Value:
    site.require(
        not site["train"],
        "it drops entries in evaluation too",
        "use nn.Dropout, or F.dropout(x, p, training=self.training)",
    )
    return site.add(L.Dropout(float(site["p"])), site.x())


def _joined(kind: type[L.Add] | type[L.Multiply] | type[L.Subtract], by_number: Rule) -> Rule:
    """Of two tensors, or of a tensor and a Python number."""

    def rule(site: Site) -> Value:
        if isinstance(site["other"], int | float):
            return by_number(site)
        site.require(site.node.arguments.get("alpha", 1) == 1, "it scales a summand", "leave alpha")
        return site.add(kind(), *_aligned(site, [site.x("self"), site.x("other")]))

    return rule


def _scaled(site: Site, scale: float, offset: float = 0.0) -> Value:
    return site.add(L.Rescaling(scale, offset), site.x())


def _plus(site: Site) -> Value:
    return _scaled(site, 1, site["alpha"] * site["other"])


def _minus(site: Site) -> Value:
    return _scaled(site, 1, -site["alpha"] * site["other"])


def _times(site: Site) -> Value:
    return _scaled(site, site["other"])


def _taken_from(site: Site) -> Value:
    """other - alpha · x."""
    number = isinstance(site["other"], int | float)
    site.require(number, "it subtracts tensors in reverse", "write y - x")
    return _scaled(site, -site["alpha"], site["other"])


def _divided(site: Site) -> Value:
    by = site["other"]
    site.require(
        isinstance(by, int | float), "it divides by no Python number", "multiply by a layer"
    )
    rounded = site.node.arguments.get("rounding_mode") is not None
    site.require(not rounded, "it rounds the quotient", "leave rounding_mode out")
    site.require(by != 0, "it divides by 0", "give another number")
    return _scaled(site, 1 / by)


def _negated(site: Site) -> Value:
    return _scaled(site, -1)


def _aligned(site: Site, values: list[Value]) -> list[Value]:
    """The values with equal axes: those of maps, where one of them is a map."""
    shape = site.node.shape or ()
    rank = len(shape) - 1
    ranks = {len(site.sizes(ref.name)) - 1 for ref in site.node.refs}
    site.require(
        ranks == {rank}, "its tensors have different numbers of axes", "unsqueeze the smaller one"
    )
    orders = [value.axes for value in values if len(value.axes) == rank]
    usual = channels_first(rank)
    order = usual if usual in orders or not orders else orders[0]
    return [site.arranged(full(site, value, rank), order) for value in values]


def _concatenate(site: Site) -> Value:
    given = site["tensors"]
    rank = len(site.node.shape or ()) - 1
    axis = site.axis(site["dim"], rank)
    values = [site.value(item) for item in given]
    if len(values) == 1:
        return values[0]
    values = _aligned(site, values)
    position = values[0].axes.index(axis)
    return site.add(L.Concatenate(-1 if position == rank - 1 else position + 1), *values)


def _nothing(site: Site) -> Value:
    return site.x()


def _typed(site: Site) -> Value:
    """To a device, or to float32, in which the module is read; `verify` runs it in float64 too."""
    same = site.node.arguments.get("dtype") in (None, torch.float32)
    site.require(same, "it changes the type of numbers", "keep one type in the whole network")
    return site.x()


RULES: Rules = {
    **{op: _plain(name) for op, name in PLAIN.items()},
    "add": _joined(L.Add, _plus),
    "alias": _nothing,
    "cat": _concatenate,
    "clone": _nothing,
    "contiguous": _nothing,
    "div": _divided,
    "dropout": _dropout,
    "elu": _elu,
    "expand": _nothing,
    "expand_as": _nothing,
    "gelu": _gelu,
    "hardtanh": _hardtanh,
    "leaky_relu": _leaky_relu,
    "log_softmax": _over_one_axis("log_softmax"),
    "mul": _joined(L.Multiply, _times),
    "neg": _negated,
    "rsub": _taken_from,
    "sub": _joined(L.Subtract, _minus),
    "softmax": _over_one_axis("softmax"),
    "softplus": _softplus,
    "to": _typed,
}
