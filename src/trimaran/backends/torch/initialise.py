"""The initial distributions, as a function of the emitted source."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import prod, sqrt

from trimaran.backends.torch.recurrent import module_of
from trimaran.spec.initializers import (
    Constant,
    Gates,
    Initializer,
    Normal,
    Orthogonal,
    Uniform,
    VarianceScaling,
)
from trimaran.spec.layer import Parameter
from trimaran.spec.layers import (
    Conv1D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Embedding,
    MultiHeadAttention,
    PositionEmbedding,
)
from trimaran.spec.model import Model

TORCH = VarianceScaling(1.0 / 3.0, "fan_in", "uniform")
"""What torch.nn.Linear and torch.nn.Conv2d draw by themselves."""

MODULES = {
    Dense: "nn.Linear",
    Conv1D: "nn.Conv1d",
    Conv2D: "nn.Conv2d",
    DepthwiseConv2D: "",
    Embedding: "nn.Embedding",
    PositionEmbedding: "nn.Embedding",
}
"""Layers that draw, and the module that tells them apart; a depthwise convolution is an
`nn.Conv2d` whose fans are counted otherwise (as Keras does), so each is told by its path."""

IN_PLACE = {
    VarianceScaling(1.0, "fan_avg", "uniform"): "xavier_uniform_({0})",
    VarianceScaling(2.0, "fan_in", "uniform"): "kaiming_uniform_({0})",
    VarianceScaling(2.0, "fan_out", "normal"): 'kaiming_normal_({0}, mode="fan_out")',
    VarianceScaling(1.0, "fan_in", "uniform"): 'kaiming_uniform_({0}, nonlinearity="linear")',
}

Pair = tuple[Initializer, Initializer | None]
Drawn = tuple[str, Pair, tuple[str, tuple[Parameter, ...]]]
"""Kind of module, its distributions, and its path and parameters."""


def initialiser(model: Model) -> list[str]:
    """The text of `initialise(module)`, or nothing where PyTorch's own draws are meant.

    The most frequent pair of distributions of each kind of module is told by kind; layers that
    differ from it are told by the shape-independent limits of their own, in `initialise` too.
    """
    pairs = _pairs(model)
    common = {k: p for k, p in _usual(pairs).items() if k and set(p) - {None} != {TORCH}}
    bare = {k or "nn.Conv2d" for k, _, (_, p) in pairs if len(p) == 1}  # "": see MODULES
    if _some_bare(model):  # its out_proj is an nn.Linear
        bare.add("nn.Linear")
    lines = [*_by_kind(common, bare), *_recurrent(model), *_attention(model)]
    return ["\n".join(["def initialise(module):", *lines])] if lines else []


def exceptions(model: Model) -> list[str]:
    """Statements for parameters that are not drawn as most of their kind are."""
    pairs = _pairs(model)
    usual = _usual(pairs)
    found = []
    for kind, pair, (path, parameters) in pairs:
        native = _native(kind, parameters, usual)
        for parameter, own, common in zip(parameters, pair, usual[kind], strict=False):
            if own != native and (own != common or not kind):
                target = f'model.get_submodule("{path}").{parameter.name}'
                found.append(f"    nn.init.{in_place(parameter.initial, target, parameter.fan)}")
    return found


def _recurrent(model: Model) -> list[str]:
    """The draws of recurrent modules, told by kind, and by their sizes, biases and directions where
    a kind has several ways."""
    ways: dict[str, dict[tuple[str, ...], str]] = {}
    for leaf in model.leaves:
        if module := module_of(leaf.layer):
            own = leaf.layer.parameters(*leaf.in_shapes)
            drawn = tuple(f"        nn.init.{_gated(p)}" for p in own if p.trainable)
            ways.setdefault(module, {}).setdefault(drawn, _which(own))
    return [
        line
        for module, found in ways.items()
        for drawn, which in found.items()
        for line in (
            f"    if isinstance(module, nn.{module}){which if len(found) > 1 else ''}:",
            *drawn,
        )
    ]


def _which(own: tuple[Parameter, ...]) -> str:
    """What tells the module with these arrays from others of its kind, at least from those that
    lack some of them."""
    names = {parameter.name for parameter in own}
    told = [f"module.{own[0].name}.shape == {tuple(own[0].shape)}"]
    if any(name.startswith("bias") for name in names):
        told.append("module.bias")
    if "weight_ih_l0_reverse" in names:
        told.append("module.bidirectional")
    return "".join(f" and {part}" for part in told)


def _attention(model: Model) -> list[str]:
    """The draws of attention, told by its sizes where it has several ways; queries, keys and values
    are drawn as three matrices. It stands last: its `out_proj` was drawn as an nn.Linear."""
    ways: dict[tuple[str, ...], str] = {}
    for leaf in model.leaves:
        if isinstance(leaf.layer, MultiHeadAttention):
            own = replace(leaf.layer, use_bias=True).parameters(*leaf.in_shapes)
            sizes = " and module.in_proj_weight.shape == " + str(tuple(own[0].shape))
            ways.setdefault(_projections(own, _some_bare(model)), sizes)
    return [
        line
        for drawn, sizes in ways.items()
        for line in (
            f"    if isinstance(module, MultiHeadAttention){sizes if len(ways) > 1 else ''}:",
            *drawn,
        )
    ]


def _some_bare(model: Model) -> bool:
    """Whether some attention has no biases."""
    kinds = (leaf.layer for leaf in model.leaves)
    return any(isinstance(k, MultiHeadAttention) and not k.use_bias for k in kinds)


def _projections(own: tuple[Parameter, ...], bare: bool) -> tuple[str, ...]:
    """The draws of one attention's arrays; `bare` says that some have no biases."""
    weights = [line for p in own if p.name.endswith("weight") for line in _projection(p)]
    biases = [line for p in own if p.name.endswith("bias") for line in _projection(p)]
    if bare:
        asked = "        if module.in_proj_bias is not None:"
        return (*weights, asked, *(f"    {line}" for line in biases))
    return (*weights, *biases)


def _projection(parameter: Parameter) -> list[str]:
    """The draw of one parameter of attention."""
    target, scaled = f"module.{parameter.name}", isinstance(parameter.initial, VarianceScaling)
    if parameter.name.endswith("bias"):
        return [f"        nn.init.{in_place(parameter.initial, target, parameter.fan)}"]
    if parameter.name.startswith("in") and scaled:
        draw = in_place(parameter.initial, "weight", None)
        return [f"        for weight in {target}.chunk(3):", f"            nn.init.{draw}"]
    return [f"        nn.init.{in_place(parameter.initial, target, None)}"]


def _gated(parameter: Parameter) -> str:
    """The draw of one parameter of a recurrent module; a gate's bias of 1 is a slice."""
    target = f"module.{parameter.name}"
    if not isinstance(parameter.initial, Gates):
        # Its fans are those of the whole matrix, whichever way it lies; a bias has its layer's.
        own = parameter.fan if parameter.name.startswith("bias") else None
        return in_place(parameter.initial, target, own)
    values = parameter.initial.values
    ones = f"nn.init.ones_({target}.chunk({len(values)})[{values.index(1.0)}])"
    return f"zeros_({target})\n        {ones}"


def _usual(pairs: list[Drawn]) -> dict[str, Pair]:
    """The most frequent pair of each kind."""
    kinds = sorted({kind for kind, _, _ in pairs})
    return {
        kind: Counter(pair for k, pair, _ in pairs if k == kind).most_common(1)[0][0]
        for kind in kinds
    }


def _native(
    kind: str, parameters: tuple[Parameter, ...], usual: dict[str, Pair]
) -> Initializer | None:
    """What PyTorch draws for the layer by itself, where `initialise` leaves its module alone."""
    module = kind or "nn.Conv2d"
    if set(usual.get(module, ())) - {None} - {TORCH}:
        return None
    return TORCH if kind else Uniform(prod(parameters[0].shape[1:]) ** -0.5)


def _pairs(model: Model) -> list[Drawn]:
    found = []
    for leaf in model.leaves:
        if type(leaf.layer) not in MODULES:
            continue
        parameters = leaf.layer.parameters(*leaf.in_shapes)
        module = MODULES[type(leaf.layer)]
        bias = parameters[1].initial if len(parameters) > 1 else None
        found.append((module, (parameters[0].initial, bias), (leaf.path, parameters)))
    return found


def _by_kind(common: dict[str, Pair], bare: set[str]) -> list[str]:
    lines: list[str] = []
    for pair in dict.fromkeys(common.values()):
        kinds = [kind for kind, p in common.items() if p == pair]
        test = kinds[0] if len(kinds) == 1 else f"({', '.join(kinds)})"
        lines.append(f"    if isinstance(module, {test}):")
        lines += _draws(pair, not bare.isdisjoint(kinds))
    return lines


def _draws(pair: Pair, some_without_bias: bool) -> list[str]:
    weight, bias = pair
    lines = [f"        nn.init.{in_place(weight, 'module.weight', None)}"]
    if bias is None:
        return lines
    draw = f"nn.init.{in_place(bias, 'module.bias', None)}"
    if some_without_bias:
        return [*lines, "        if module.bias is not None:", f"            {draw}"]
    return [*lines, f"        {draw}"]


def in_place(initial: Initializer, target: str, fan: tuple[int, int] | None) -> str:
    """The call of torch.nn.init that draws `initial`; fans are computed unless given."""
    match initial:
        case Constant(0.0):
            return f"zeros_({target})"
        case Constant(1.0):
            return f"ones_({target})"
        case Constant(value):
            return f"constant_({target}, {value!r})"
        case Normal(stddev, False):
            return f"normal_({target}, std={stddev!r})"
        case Normal(stddev, True):
            return _truncated(target, repr(stddev), repr(2 * stddev))
        case Uniform(limit):
            return f"uniform_({target}, {-limit!r}, {limit!r})"
        case Orthogonal(gain):
            return f"orthogonal_({target})" if gain == 1 else f"orthogonal_({target}, {gain!r})"
    if initial in IN_PLACE and fan is None:
        return IN_PLACE[initial].format(target)
    assert isinstance(initial, VarianceScaling)
    return _scaled(initial, target, fan)


def _truncated(target: str, std: str, limit: str) -> str:
    return f"trunc_normal_({target}, std={std}, a=-{limit}, b={limit})"


def _scaled(initial: VarianceScaling, target: str, fan: tuple[int, int] | None) -> str:
    """Variance scaling in general; the truncated normal's deviation is corrected as in Keras."""
    variance = _variance(initial, target, fan)
    if initial.distribution == "uniform":
        limit = f"({variance} * 3) ** 0.5" if fan is None else repr(sqrt(float(variance) * 3))
        low = f"-({limit})" if fan is None else f"-{limit}"
        return f"uniform_({target}, {low}, {limit})"
    std = f"({variance}) ** 0.5" if fan is None else repr(sqrt(float(variance)))
    if initial.distribution == "normal":
        return f"normal_({target}, std={std})"
    wide = f"{std} / 0.87962566103423978"
    return _truncated(target, wide, f"2 * {std} / 0.87962566103423978")


def _variance(initial: VarianceScaling, target: str, fan: tuple[int, int] | None) -> str:
    if fan is not None:
        sizes = {"fan_in": fan[0], "fan_out": fan[1], "fan_avg": sum(fan) / 2}
        return repr(initial.scale / max(sizes[initial.mode], 1))
    into, out = f"{target}[0].numel()", f"{target}[:, 0].numel()"
    sizes_ = {"fan_in": into, "fan_out": out, "fan_avg": f"(({into} + {out}) / 2)"}
    return f"{initial.scale!r} / {sizes_[initial.mode]}"
